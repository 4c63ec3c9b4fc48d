"""The webhook as somebody would write it with Powertools for AWS Lambda: verify, claim, send, answer."""

import hashlib
import hmac
import os

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

SECRET = os.environ["WEBHOOK_SECRET"].encode()
QUEUE_URL = os.environ["WEBHOOK_QUEUE_URL"]
sqs = boto3.client("sqs")

# A key is remembered for 30 days, as ours is.
config = IdempotencyConfig(
    event_key_jmespath='headers."idempotency-key"',
    raise_on_no_idempotency_key=True,
    expires_after_seconds=30 * 86_400,
    response_hook=lambda _response, _record: {"statusCode": 204},
)
store = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])


@idempotent_function(data_keyword_argument="event", persistence_store=store, config=config)
def enqueue(event):
    sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=event["body"])
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": '{"status":"accepted"}'}


def verified(event):
    expected = "sha256=" + hmac.new(SECRET, event["body"].encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(event["headers"].get("x-signature", ""), expected)


def handler(event, context):
    if not verified(event):
        return {"statusCode": 403, "body": '{"error":"Invalid signature"}'}
    config.register_lambda_context(context)
    return enqueue(event=event)
