// The smallest loop over the Lambda Runtime API: the official client for Node compiles curl with cmake and autotools,
// which few have. It does less than that one does, in the peer's favour.
import { Agent, request } from "node:http";
import { handler } from "./handler";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API!.split(":");
const agent = new Agent({ keepAlive: true, noDelay: true });

const call = (method: string, path: string, body?: string): Promise<{ id: string; deadline: number; text: string }> =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request({ host, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("end", () => {
        const id = answer.headers["lambda-runtime-aws-request-id"] as string;
        resolve({ id, deadline: Number(answer.headers["lambda-runtime-deadline-ms"]), text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });

const serve = async () => {
  for (;;) {
    const { id, deadline, text } = await call("GET", "invocation/next");
    const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() };
    try {
      const answer = await handler(JSON.parse(text), context as never);
      await call("POST", `invocation/${id}/response`, JSON.stringify(answer));
    } catch (error) {
      await call("POST", `invocation/${id}/error`, JSON.stringify({ errorMessage: String(error) }));
    }
  }
};

void serve();
