//! `signalbox verify`: whether a captured delivery verifies and, if not, why.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use jiff::Timestamp;
use signalbox::domain::deliveries::signature::{
    Explanation, Finding, GENERIC, LiveSecret, Refused, Scheme, bare_key, explain, schemes,
};
use signalbox::domain::secret::Secret;
use signalbox::domain::time;
use signalbox::outside::Clock;
use signalbox_local::host::settings::{self, Variables};

use super::{fail, hint, say, variables};

/// Where the secret comes from when the command line does not say it.
const SECRET_VARIABLE: &str = "SIGNALBOX_SECRET";
/// What the path of a point of sale looks like.
const PATH_EXAMPLE: &str = "/pos/demo/ingest";
/// More than any delivery that is let in.
const BODY_BYTES_MAX: u64 = 16 << 20;

/// The delivery's body is read from standard input, byte for byte: use `< file`, not echo. Exit code 0 means that it
/// verifies, 1 that it does not. Neither the secret nor the expected signature is printed.
#[derive(Args)]
pub(crate) struct VerifyArguments {
    /// How the sender signs
    #[arg(long, value_parser = names())]
    scheme: String,
    /// For the scheme "generic": its description, as in the configuration
    #[arg(long, value_name = "JSON", required_if_eq("scheme", GENERIC))]
    config: Option<String>,
    /// The secret shared with the sender; the previous one too, if two are live. Without it, or as "-", the one in
    /// SIGNALBOX_SECRET, so that it stays out of the shell's history
    #[arg(long = "secret", value_name = "SECRET", allow_hyphen_values = true)]
    secrets: Vec<String>,
    /// A header of the delivery, as often as needed
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// When it was received: seconds of the Unix epoch, or ISO-8601 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    at: Option<Timestamp>,
    /// The notification URL as it was registered with the sender, for schemes that sign it; for pos-signed-headers the path, as
    /// /pos/demo/ingest, or the URL that has it
    #[arg(long)]
    url: Option<String>,
}

fn names() -> impl clap::builder::TypedValueParser<Value = String> {
    let names = schemes::ALL.iter().map(|scheme| scheme.name()).chain([schemes::POS_SIGNED_HEADERS.name(), GENERIC]);
    PossibleValuesParser::new(names.collect::<Vec<_>>()).map(String::from)
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is written as NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let seconds = text.trim().parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.or_else(|| time::parse(text)).ok_or_else(|| "neither seconds of the Unix epoch nor ISO-8601".into())
}

pub(crate) fn run(arguments: &VerifyArguments) -> ExitCode {
    let body = match body() {
        Ok(body) => body,
        Err(error) => return fail(&format!("the body cannot be read: {error}")),
    };
    let now = arguments.at.unwrap_or_else(|| Clock::default().now());
    match explained(arguments, &variables(), &body, now) {
        Ok(explanation) => {
            for line in lines(arguments, &explanation, body.is_empty()) {
                say(&line);
            }
            if explanation.outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => fail(&error),
    }
}

fn body() -> std::io::Result<Vec<u8>> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        hint(&"Reading the body from the terminal; end it with Ctrl-D.");
    }
    let mut body = Vec::new();
    input.by_ref().take(BODY_BYTES_MAX + 1).read_to_end(&mut body)?;
    if body.len() as u64 > BODY_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is longer than {BODY_BYTES_MAX} bytes")));
    }
    Ok(body)
}

fn explained(
    arguments: &VerifyArguments,
    variables: &Variables,
    body: &[u8],
    now: Timestamp,
) -> Result<Explanation, String> {
    let scheme = match &arguments.config {
        Some(config) if arguments.scheme == GENERIC => Scheme::from_json(config).map_err(|error| error.to_string())?,
        Some(_) => return Err(format!("--config goes with --scheme {GENERIC}, not with {}", arguments.scheme)),
        None if arguments.scheme == schemes::POS_SIGNED_HEADERS.name() => schemes::POS_SIGNED_HEADERS.clone(),
        None => schemes::find(&arguments.scheme).cloned().ok_or("no such scheme")?,
    };
    let from_environment = || {
        let secret = settings::value(variables, SECRET_VARIABLE);
        secret.map(Secret::new).ok_or_else(|| format!("give --secret, or set {SECRET_VARIABLE}"))
    };
    let mut secrets = Vec::new();
    for secret in &arguments.secrets {
        secrets.push(if secret == "-" { from_environment()? } else { Secret::new(secret) });
    }
    if secrets.is_empty() {
        secrets.push(from_environment()?);
    }
    let mut secrets = secrets.into_iter();
    let live = secrets.next().map(LiveSecret::current).into_iter().chain(secrets.map(LiveSecret::previous));
    let live: Vec<LiveSecret> = live.collect();
    let (headers, url) = (arguments.headers.as_slice(), arguments.url.as_deref());
    let explained = |scheme: &Scheme, url| explain(scheme, &live, headers, url, body, now);
    let with_headers = || explained(&schemes::POS_SIGNED_HEADERS, url.map(path));
    if signs_headers(arguments) {
        return Ok(with_headers());
    }
    let mut explanation = explained(&scheme, url);
    let is_pos = scheme.name() == schemes::POS.name() && explanation.outcome == Err(Refused::Mismatch);
    if is_pos && with_headers().outcome.is_ok() {
        let (scheme, expected) =
            (schemes::POS_SIGNED_HEADERS.name().to_owned().into(), scheme.name().to_owned().into());
        explanation.findings = vec![Finding::OtherScheme { scheme, expected }];
    }
    Ok(explanation)
}

fn signs_headers(arguments: &VerifyArguments) -> bool {
    arguments.scheme == schemes::POS_SIGNED_HEADERS.name()
}

/// The path that points of sale sign: the URL before it is another one at each stage.
fn path(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    url[..end].find("/pos/").map_or(url, |start| &url[start..end])
}

fn lines(arguments: &VerifyArguments, explanation: &Explanation, is_empty: bool) -> Vec<String> {
    match &explanation.outcome {
        Ok(verified) => {
            let mut lines = vec![format!("verified by scheme {}", arguments.scheme)];
            if arguments.secrets.len() > 1 {
                lines.push(format!("secret       {} of {}", verified.secret_index + 1, arguments.secrets.len()));
            }
            if let Some(timestamp) = verified.timestamp {
                lines.push(format!("signed at    {}", time::text(timestamp)));
            }
            let header = |name: &str| arguments.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
            let key = header("idempotency-key").filter(|(_, key)| signs_headers(arguments) && !key.is_empty());
            lines.push(match &verified.delivery_id {
                _ if let Some((_, key)) = key => format!("delivery id  {} (signed)", bare_key(key)),
                Some(id) if id.signed => format!("delivery id  {} (signed)", id.text),
                Some(id) => format!("delivery id  {} (not signed: anybody could have changed it)", id.text),
                None => "delivery id  none: the content is its key".to_owned(),
            });
            lines
        }
        Err(refused) => {
            let findings = explanation.findings.iter().map(|finding| format!("{}: {finding}", finding.code()));
            let mut lines = vec![format!("not verified: {}: {refused}", refused.code())];
            match refused {
                Refused::NoUrl if signs_headers(arguments) => {
                    lines.push(format!("give the path that was signed: --url {PATH_EXAMPLE}"));
                }
                Refused::NoUrl => lines.push("give it with --url".to_owned()),
                Refused::Mismatch if is_empty => {
                    lines.push("no body was given: it is read from standard input, as in < body.json".to_owned());
                }
                _ => {}
            }
            lines.extend(findings);
            if arguments.scheme == schemes::POS.name() && explanation.findings == [Finding::Nothing] {
                let scheme = schemes::POS_SIGNED_HEADERS.name();
                lines.push(format!("if path, tenant and key are signed too: --scheme {scheme} --url {PATH_EXAMPLE}"));
            }
            lines
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        verify: VerifyArguments,
    }

    const BODY: &str = r#"{"event_type":"ping","data":{"success":true}}"#;
    const SVIX: &[&str] = &[
        "--scheme=svix",
        "--header=Svix-Id: msg_loFOjxBNrRLzqYUf",
        "--header=Svix-Timestamp: 1731705121",
        "--header=Svix-Signature: v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ];
    const SECRET: &str = "--secret=whsec_plJ3nmyCDGBKInavdOK15jsl";
    const AT: &str = "--at=1731705121";

    fn told(arguments: &[&str], more: &[&str], environment: Option<&str>, body: &str) -> Result<Vec<String>, String> {
        let cli = Cli::try_parse_from([&["verify"], arguments, more].concat()).map_err(|error| error.to_string())?;
        let variables = environment.map(|secret| (SECRET_VARIABLE.to_owned(), secret.to_owned())).into_iter().collect();
        let now = cli.verify.at.unwrap_or_default();
        explained(&cli.verify, &variables, body.as_bytes(), now)
            .map(|found| lines(&cli.verify, &found, body.is_empty()))
    }

    #[test]
    fn a_delivery_that_verifies() {
        let secret = SECRET.strip_prefix("--secret=");
        for (more, environment) in [
            (&[SECRET, AT] as &[_], None),
            (&[AT], secret),
            (&["--secret", "-", AT], secret),
            (&[SECRET, "--at=2024-11-15T21:12:01Z"], Some("another")),
        ] {
            let lines = told(SVIX, more, environment, BODY).unwrap();
            assert_eq!(
                lines,
                [
                    "verified by scheme svix",
                    "signed at    2024-11-15T21:12:01.000Z",
                    "delivery id  msg_loFOjxBNrRLzqYUf (signed)",
                ]
            );
        }
        let lines = told(SVIX, &["--secret=AAAA", SECRET, AT], None, BODY).unwrap();
        assert_eq!(lines[1], "secret       2 of 2");
    }

    #[test]
    fn a_delivery_that_does_not() {
        let lines = told(SVIX, &[SECRET, AT], None, &format!("{BODY}\n")).unwrap();
        assert!(lines[0].starts_with("not verified: signature_mismatch: "), "{lines:?}");
        assert!(lines[1].starts_with("body_line_break_added: "), "{lines:?}");
        let lines = told(SVIX, &[SECRET, "--at=1731709999"], None, BODY).unwrap();
        assert!(lines[0].starts_with("not verified: timestamp_too_old: the timestamp is 4878 s old"), "{lines:?}");
        assert!(lines[1].starts_with("only_the_timestamp: "), "{lines:?}");
        // What is missing is said, and nothing is guessed beside it.
        let square = &["--scheme=square", "--secret=s", "--header=x-square-hmacsha256-signature: AAAA"];
        let lines = told(square, &[], None, BODY).unwrap();
        assert!(lines[0].starts_with("not verified: no_url: "), "{lines:?}");
        assert_eq!(lines[1..], ["give it with --url"]);
        let stripe = &["--scheme=stripe", "--secret=s", "--header=stripe-signature: t=1731705121"];
        let lines = told(stripe, &[AT], None, BODY).unwrap();
        assert!(lines[0].starts_with("not verified: malformed: ") && lines.len() == 1, "{lines:?}");
    }

    #[test]
    fn a_scheme_that_is_described() {
        // GitHub's example.
        let generic = &["--scheme=generic", "--secret=It's a Secret to Everybody"];
        let header = "--header=X-Sig: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let config = r#"--config={"header":"x-sig","prefix":"sha256="}"#;
        let lines = told(generic, &[header, config], None, "Hello, World!").unwrap();
        assert_eq!(lines, ["verified by scheme generic", "delivery id  none: the content is its key"]);
        let error = told(generic, &[header, r#"--config={"heeder":"x-sig"}"#], None, "").unwrap_err();
        assert!(error.contains("unknown field `heeder`"), "{error}");
        assert!(told(generic, &[header], None, "").unwrap_err().contains("--config"));
        assert!(told(SVIX, &[SECRET, config], None, "").unwrap_err().contains("--config goes with"));
    }

    /// The signature is what the command of docs/configuration.md prints.
    #[test]
    fn a_point_of_sale_that_signs_its_headers() {
        let signature =
            "--header=x-webhook-signature: 314508ba9a2229f4e19f3091c314703e6d683b687e2e50287fdf3f08aa039c03";
        let all = &["--scheme=pos-signed-headers", "--secret=pos-secret-pos-secret-pos-secret-0", signature];
        let (url, tenant, key) =
            ("--url=/pos/demo/ingest", "--header=X-Tenant-Id: acme", "--header=Idempotency-Key: K-1");
        let body = r#"{"sku":"A"}"#;
        for url in [url, "--url=https://api.example.com/prod/pos/demo/ingest?x=1"] {
            let lines = told(all, &[url, tenant, key], None, body).unwrap();
            assert_eq!(lines, ["verified by scheme pos-signed-headers", "delivery id  K-1 (signed)"], "{url}");
        }
        let lines = told(all, &[tenant, key], None, body).unwrap();
        assert_eq!(lines[1..], ["give the path that was signed: --url /pos/demo/ingest"]);
        // Who takes it for the scheme that signs the body alone is told.
        let alone = &["--scheme=pos", all[1], signature, tenant, key];
        let lines = told(alone, &[url], None, body).unwrap();
        assert!(lines[1].starts_with("other_scheme: ") && lines[1].contains("pos-signed-headers"), "{lines:?}");
        let lines = told(alone, &[], None, body).unwrap();
        assert!(lines[2].contains("--scheme pos-signed-headers --url /pos/demo/ingest"), "{lines:?}");
        let lines = told(alone, &[], None, "").unwrap();
        assert!(lines[1].starts_with("no body was given"), "{lines:?}");
        for (more, code) in [
            (&[url, tenant] as &[_], "signature_mismatch"),
            (&[url, key], "signature_mismatch"),
            (&["--url=/pos/shop/ingest", tenant, key], "signature_mismatch"),
            (&[tenant, key], "no_url"),
        ] {
            let lines = told(all, more, None, body).unwrap();
            assert!(lines[0].starts_with(&format!("not verified: {code}: ")), "{lines:?}");
        }
    }

    #[test]
    fn arguments_that_are_wrong() {
        let error = told(&["--scheme=stripes"], &[SECRET], None, "").unwrap_err();
        for scheme in schemes::ALL {
            assert!(error.contains(scheme.name()), "{error}");
        }
        assert!(told(SVIX, &[], None, "").unwrap_err().contains("give --secret, or set SIGNALBOX_SECRET"));
        assert!(told(SVIX, &["--secret=-"], None, "").unwrap_err().contains("give --secret"));
        assert!(told(SVIX, &[SECRET, "--header=nonsense"], None, "").unwrap_err().contains("NAME: VALUE"));
        assert!(told(SVIX, &[SECRET, "--at=soon"], None, "").unwrap_err().contains("Unix epoch"));
    }
}
