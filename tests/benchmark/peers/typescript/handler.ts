// The webhook as somebody would write it with Powertools for AWS Lambda: verify, claim, send, answer.
import { createHmac, timingSafeEqual } from "node:crypto";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";

interface Event {
  headers: Record<string, string>;
  body: string;
}

const secret = process.env.WEBHOOK_SECRET!;
const QueueUrl = process.env.WEBHOOK_QUEUE_URL!;
const sqs = new SQSClient({});

// A key is remembered for 30 days, as ours is.
const config = new IdempotencyConfig({
  eventKeyJmesPath: 'headers."idempotency-key"',
  throwOnNoIdempotencyKey: true,
  expiresAfterSeconds: 30 * 86_400,
  responseHook: () => ({ statusCode: 204 }),
});
const persistenceStore = new DynamoDBPersistenceLayer({ tableName: process.env.IDEMPOTENCY_TABLE! });

const enqueue = makeIdempotent(
  async (event: Event) => {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: event.body }));
    return { statusCode: 201, headers: { "content-type": "application/json" }, body: '{"status":"accepted"}' };
  },
  { persistenceStore, config },
);

const verified = ({ headers, body }: Event): boolean => {
  const expected = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const sent = Buffer.from(headers["x-signature"] ?? "");
  return sent.length === expected.length && timingSafeEqual(sent, expected);
};

export const handler = async (event: Event, context: never) => {
  if (!verified(event)) {
    return { statusCode: 403, body: '{"error":"Invalid signature"}' };
  }
  config.registerLambdaContext(context);
  return enqueue(event);
};
