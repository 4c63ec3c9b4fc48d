//! Values of the template's parameters on a laptop: the environment first, then what local mode knows better than the
//! template's default, then that default. And the values of the service's secrets, which are in the embedded Parameter Store:
//! those that nobody set are generated once and kept.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use signalbox::domain::service_secrets::{self, Name};

use crate::host::data::{DataError, create, unusable};
use crate::template::{LOCAL_STAGE, Source};

/// Environment variables of the host itself, beside those of the template's parameters.
pub const HOST_VARIABLES: [&str; 5] =
    ["SIGNALBOX_PORT", "SIGNALBOX_DATA_DIR", "SIGNALBOX_EPHEMERAL", "SIGNALBOX_DEMO", "SIGNALBOX_ALLOWED_HOSTS"];
/// The variable that says where the service's secrets are.
const PATH: &str = "SECRETS_PATH";
/// The variable of the service secret.
pub const SERVICE_SECRET: &str = "SERVICE_JWT_SECRET";
/// The variable of what users' tokens are signed with.
pub const USER_SECRET: &str = "JWT_SECRET";
/// Names that secrets have in older clients' environments, read when the first is unset.
const ALIASES: [(&str, &str); 2] =
    [(SERVICE_SECRET, "AUTH_JWT_SECRET"), ("TRACKSTAR_WEBHOOK_SECRET", "WEBHOOK_TRACKSTAR_SECRET")];

/// Environment variables by name; blank ones count as unset, as they do for functions.
pub type Variables = BTreeMap<String, String>;

/// Secrets that were generated, by the environment variable that would set them.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// The value of a generated secret.
    #[must_use]
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str)
    }

    /// Each variable with the beginning of its value, which is all that is ever shown.
    pub fn masked(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(variable, value)| {
            let shown: String = value.chars().take(4).collect();
            (variable.as_str(), format!("{shown}…"))
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.masked()).finish()
    }
}

/// A variable's value, if it has one.
#[must_use]
pub fn value<'a>(variables: &'a Variables, name: &str) -> Option<&'a str> {
    let own = |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty());
    own(name).or_else(|| ALIASES.iter().find(|(known, _)| *known == name).and_then(|(_, alias)| own(alias)))
}

/// Whether a host with these variables runs in local mode.
pub(crate) fn is_local(variables: &Variables) -> bool {
    value(variables, "STAGE").is_none_or(|stage| stage == LOCAL_STAGE)
}

/// The service's secrets, each under its parameter's name: what is set, else what was generated.
pub(crate) fn service_secrets<'a>(
    source: &'a Source,
    variables: &'a Variables,
    secrets: &'a Secrets,
) -> impl Iterator<Item = (String, &'a str)> + 'a {
    let parameter = source.parameters().iter().find(|parameter| parameter.environment_name() == PATH);
    let path = value(variables, PATH).or(parameter.and_then(|parameter| parameter.default.as_deref()));
    let path = path.unwrap_or_default().trim_end_matches('/');
    service_secrets::all().filter_map(move |name| {
        let value = value(variables, name.as_str()).or_else(|| secrets.get(name.as_str()))?;
        Some((format!("{path}/{}", name.as_str()), value))
    })
}

/// Generates what must be set and is not, and keeps it in `folder` (mode 0600), or in memory when there is none. Outside local
/// mode nothing is generated: the functions then refuse to start without it.
///
/// # Errors
/// When the folder cannot be written, or its secrets cannot be read.
pub fn secrets(variables: &Variables, folder: Option<&Path>) -> Result<Secrets, DataError> {
    if !is_local(variables) {
        return Ok(Secrets::default());
    }
    // Users are not required; on a laptop they can be tried all the same.
    let is_wanted = |name: &Name| name.is_required() || name.as_str() == USER_SECRET;
    let required = service_secrets::all().filter(is_wanted).map(Name::as_str);
    let wanted: Vec<String> = required.filter(|name| value(variables, name).is_none()).map(str::to_owned).collect();
    let Some(folder) = folder else {
        return wanted.into_iter().map(|variable| Ok((variable, generate()?))).collect::<Result<_, _>>().map(Secrets);
    };
    let folder = create(folder)?;
    // The host and `signalbox token` may both be first; the lock is held for a few file operations.
    let lock_path = folder.join("secrets.lock");
    let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock_path);
    lock.and_then(|lock: File| lock.lock().map(|()| lock))
        .map_err(|error| unusable(&lock_path, error))
        .and_then(|_lock| complete(&folder.join("secrets.json"), wanted))
}

fn complete(path: &Path, wanted: Vec<String>) -> Result<Secrets, DataError> {
    let failed = |error: std::io::Error| unusable(path, error);
    let mut kept: BTreeMap<String, String> = match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(failed(error)),
    };
    let missing: Vec<&String> = wanted.iter().filter(|variable| !kept.contains_key(*variable)).collect();
    if !missing.is_empty() {
        for variable in missing {
            kept.insert(variable.clone(), generate()?);
        }
        // Written beside and renamed: a crash leaves the old file or the new one, never half of it.
        let beside = path.with_extension("json.new");
        let text = serde_json::to_vec_pretty(&kept).map_err(|error| failed(error.into()))?;
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside);
        file.and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all())).map_err(failed)?;
        fs::rename(&beside, path).map_err(failed)?;
    }
    kept.retain(|variable, _| wanted.contains(variable));
    Ok(Secrets(kept))
}

/// 256 bits from the operating system.
pub(crate) fn generate() -> Result<String, DataError> {
    let mut bytes = [0_u8; 32];
    random(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Random bytes from the operating system.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), DataError> {
    getrandom::fill(bytes).map_err(|error| unusable(Path::new("/dev/urandom"), error.into()))
}

/// The values of the template's parameters; those that are absent take the template's default.
pub(crate) fn parameters(
    source: &Source,
    variables: &Variables,
    catalogue_root: Option<&Path>,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    values.insert("Stage".to_owned(), LOCAL_STAGE.to_owned());
    if let Some(root) = catalogue_root {
        values.insert("CatalogRoot".to_owned(), root.to_string_lossy().into_owned());
    }
    for parameter in source.parameters() {
        if let Some(value) = value(variables, &parameter.environment_name()) {
            values.insert(parameter.name.clone(), value.to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_generated_once_and_only_for_the_owners_eyes() {
        let folder = tempfile::tempdir().unwrap();
        let first = secrets(&Variables::new(), Some(folder.path())).unwrap();
        let second = secrets(&Variables::new(), Some(folder.path())).unwrap();
        assert_eq!(first.0, second.0);
        assert_eq!(first.get("SERVICE_JWT_SECRET").unwrap().len(), 64);
        assert_eq!(first.get("SERVICE_JWT_SECRET_PREVIOUS"), None, "nothing needs it");
        let mode = fs::metadata(folder.path().join("secrets.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{first:?}").contains(first.get("SERVICE_JWT_SECRET").unwrap()));
    }

    fn stored(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let generated = secrets(&variables, None).unwrap();
        let source = Source::built_in().unwrap();
        let stored = service_secrets(&source, &variables, &generated);
        stored.map(|(name, value)| (name, value.to_owned())).collect()
    }

    #[test]
    fn a_secret_is_stored_by_its_name_what_is_set_is_not_generated_and_an_older_name_counts() {
        let names = |stored: &BTreeMap<String, String>| stored.keys().cloned().collect::<Vec<_>>();
        let required = ["JWT_SECRET", "SERVICE_JWT_SECRET", "SESSION_JWT_SECRET", "WEBHOOK_SECRET"];
        assert_eq!(names(&stored(&[])), required.map(|name| format!("/signalbox/{name}")));
        assert_eq!(names(&stored(&[("SECRETS_PATH", "/a/b/")])), required.map(|name| format!("/a/b/{name}")));
        assert_eq!(names(&stored(&[("STAGE", "production"), ("WEBHOOK_SECRET", "x")])), ["/signalbox/WEBHOOK_SECRET"]);
        for (name, alias) in
            [("SERVICE_JWT_SECRET", "AUTH_JWT_SECRET"), ("TRACKSTAR_WEBHOOK_SECRET", "WEBHOOK_TRACKSTAR_SECRET")]
        {
            let value = |variables: &[(&str, &str)]| stored(variables)[&format!("/signalbox/{name}")].clone();
            assert_eq!(value(&[(alias, "old")]), "old");
            assert_eq!(value(&[(alias, "old"), (name, " ")]), "old");
            assert_eq!(value(&[(alias, "old"), (name, "new")]), "new");
        }
    }

    #[test]
    fn a_parameter_has_the_value_of_its_variable() {
        let source = Source::built_in().unwrap();
        let variables: Variables = [("VENDORS".to_owned(), "[]".to_owned())].into();
        let values = parameters(&source, &variables, None);
        assert_eq!((values["Vendors"].as_str(), values["Stage"].as_str(), values.len()), ("[]", "local", 2));
    }
}
