//! Mail, by SES.

use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::clients::Clients;
use super::faults::fault;
use super::transaction::built;
use crate::domain::digest::letter::Letter;
use crate::domain::digest::record::Outcome;

/// What SES says where too much is sent at once: the mail was not taken, and may be later.
const BUSY: [&str; 4] = ["TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"];
const UTF_8: &str = "UTF-8";

/// Sends mail. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mail(aws_sdk_sesv2::Client);

impl Mail {
    /// Nothing is called.
    #[must_use]
    pub fn connect(clients: &Clients) -> Self {
        Self(clients.sesv2())
    }

    /// Sends a letter to one address, once: nothing is tried again, as what was not answered may have been taken. `unsubscribe` is where a
    /// mail program says, with one click, that it is not wanted any more (RFC 8058).
    pub async fn send(&self, from: &str, to: &str, letter: &Letter, unsubscribe: Option<&str>) -> Outcome {
        let message = match message(letter, unsubscribe) {
            Ok(message) => message,
            Err(why) => return Outcome::Refused(why),
        };
        let call = self
            .0
            .send_email()
            .from_email_address(from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build());
        let once = aws_sdk_sesv2::Config::builder().retry_config(RetryConfig::disabled());
        match call.customize().config_override(once).send().await {
            Ok(taken) => Outcome::Taken(taken.message_id.unwrap_or_default()),
            Err(error) => refused(&error),
        }
    }
}

fn message(letter: &Letter, unsubscribe: Option<&str>) -> Result<Message, String> {
    let content =
        |data: &str| built(Content::builder().data(data).charset(UTF_8).build()).map_err(|fault| fault.to_string());
    let header = |name: &str, value: &str| {
        built(MessageHeader::builder().name(name).value(value).build()).map_err(|fault| fault.to_string())
    };
    let body = Body::builder().text(content(&letter.text)?).html(content(&letter.html)?).build();
    let mut message = Message::builder().subject(content(&letter.subject)?).body(body);
    if let Some(link) = unsubscribe {
        message = message
            .headers(header("List-Unsubscribe", &format!("<{link}>"))?)
            .headers(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
    }
    Ok(message.build())
}

/// What an error proves. Of what was not answered, or failed inside SES, nobody knows.
fn refused<E>(error: &SdkError<E, HttpResponse>) -> Outcome
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let why = fault("send mail", error).to_string();
    match error {
        SdkError::ConstructionFailure(_) => Outcome::Refused(why),
        SdkError::ServiceError(service) if service.raw().status().is_server_error() => Outcome::Unknown(why),
        SdkError::ServiceError(service) if service.err().code().is_some_and(|code| BUSY.contains(&code)) => {
            Outcome::Busy(why)
        }
        SdkError::ServiceError(_) => Outcome::Refused(why),
        _ => Outcome::Unknown(why),
    }
}
