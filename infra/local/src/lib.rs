//! The local host: `template.yaml` run in one process, on embedded stand-ins for DynamoDB, SQS and EventBridge.

pub mod schedule;
pub mod template;
