//! Which tables a command works at: those of a stack in AWS, or those of the local host that runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use signalbox::aws::inventory::kinds::TableName;
use signalbox::environment::Environment;
use signalbox_local::host::lent;

use super::variables;

/// What the SDK is made of in AWS, as `aws configure export-credentials --format env` prints it.
const OF_AWS: [&str; 7] = [
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AUDIT_RETENTION_DAYS",
];

#[derive(Args)]
pub(crate) struct TablesArguments {
    /// The tables of a stack in AWS: its outputs, as JSON of `aws cloudformation describe-stacks --query Stacks[0].Outputs`.
    /// Region and credentials are those of the environment (AWS_REGION, AWS_ACCESS_KEY_ID, …)
    #[arg(long, value_name = "FILE")]
    stack_outputs: Option<PathBuf>,
    /// A table in AWS by its name, such as one that was restored: runs=signalbox-runs-restored. Wins over the outputs
    #[arg(long = "table", value_name = "TABLE=NAME", value_parser = named)]
    tables: Vec<(TableName, String)>,
    /// Where no table in AWS is named: the data folder of the local host, which must be running
    #[arg(long, env = "SIGNALBOX_DATA_DIR", default_value = ".signalbox", value_name = "FOLDER")]
    data_dir: PathBuf,
}

fn named(text: &str) -> Result<(TableName, String), String> {
    let (table, name) = text.split_once('=').ok_or("must be TABLE=NAME, such as runs=signalbox-runs-restored")?;
    let found = TableName::ALL.into_iter().find(|known| known.as_str() == table);
    let known = || TableName::ALL.map(TableName::as_str).join(", ");
    Ok((found.ok_or_else(|| format!("{table:?} is no table: there are {}", known()))?, name.to_owned()))
}

/// The outputs of a stack, as the command of AWS prints them, or as infra/deploy/deploy keeps them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Outputs {
    Listed(Vec<Output>),
    Kept(BTreeMap<String, String>),
}

impl Outputs {
    fn value(&self, key: &str) -> Option<&String> {
        match self {
            Self::Listed(outputs) => {
                let output = outputs.iter().find(|output| output.output_key.eq_ignore_ascii_case(key));
                output.map(|output| &output.output_value)
            }
            Self::Kept(outputs) => {
                outputs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

impl TablesArguments {
    /// What the tables are reached by.
    pub(crate) fn environment(&self) -> Result<Environment, Box<dyn std::error::Error>> {
        if self.stack_outputs.is_none() && self.tables.is_empty() {
            return Ok(lent::read(&self.data_dir)?);
        }
        let mut names = BTreeMap::new();
        if let Some(path) = &self.stack_outputs {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let outputs: Outputs = serde_json::from_str(&text).map_err(|_| {
                format!(
                    "{} holds no outputs: neither the list that the AWS CLI prints, nor what infra/deploy/deploy keeps",
                    path.display()
                )
            })?;
            names.extend(
                TableName::ALL.into_iter().filter_map(|table| Some((table, outputs.value(&key(table))?.clone()))),
            );
        }
        names.extend(self.tables.iter().cloned());
        if let Some(missing) = TableName::ALL.into_iter().find(|table| !names.contains_key(table)) {
            return Err(format!("no name of the table {missing}: give it with --table {missing}=NAME").into());
        }
        let variables = variables();
        let of_aws = OF_AWS.into_iter().filter_map(|name| Some((name.to_owned(), variables.get(name)?.clone())));
        Ok(of_aws.chain(names.into_iter().map(|(table, name)| (table.variable().to_owned(), name))).collect())
    }
}

/// The output that names a table.
fn key(table: TableName) -> String {
    format!("{table}TableName")
}
