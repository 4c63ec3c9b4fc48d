//! The stack that watches, `infra/observability/template.yaml`: what neither cfn-lint nor CloudFormation tells before it is too late.

mod alarms;
mod dashboards;
mod levels;
mod metrics;
mod stack;

use stack::Stack;

/// Whether the topic of alarms is told to a function.
pub(super) fn is_subscribed(function: &str) -> bool {
    let endpoint = |subscription: &serde_json::Value| subscription["Endpoint"].as_str().map(str::to_owned);
    let named = format!(":function:{{{function}Function}}");
    let stack = Stack::read();
    stack.of("AWS::SNS::Subscription").filter_map(|(_, one)| endpoint(one)).any(|endpoint| endpoint.contains(&named))
}
