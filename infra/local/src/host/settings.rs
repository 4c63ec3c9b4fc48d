//! Values of the template's parameters on a laptop: the environment first, then what local mode knows better than the
//! template's default, then that default. Secrets that nobody set are generated once and kept.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::host::data::{DataError, create, unusable};
use crate::template::{LOCAL_STAGE, Source};

/// Environment variables of the host itself, beside those of the template's parameters.
pub const HOST_VARIABLES: [&str; 5] =
    ["SIGNALBOX_PORT", "SIGNALBOX_DATA_DIR", "SIGNALBOX_EPHEMERAL", "SIGNALBOX_DEMO", "SIGNALBOX_ALLOWED_HOSTS"];
/// The variable of the service secret.
pub const SERVICE_SECRET: &str = "SERVICE_JWT_SECRET";
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

/// The secrets that the template asks for and that have neither a value nor a default.
fn unset_secrets<'a>(source: &'a Source, variables: &'a Variables) -> impl Iterator<Item = String> + 'a {
    source
        .parameters()
        .iter()
        .filter(|parameter| parameter.secret && parameter.default.is_none())
        .map(|parameter| parameter.environment_name())
        .filter(|variable| value(variables, variable).is_none())
}

/// Generates what is unset and keeps it in `folder` (mode 0600), or in memory when there is none. Outside local mode
/// nothing is generated: the template then refuses to start without it.
///
/// # Errors
/// When the folder cannot be written, or its secrets cannot be read.
pub fn secrets(source: &Source, variables: &Variables, folder: Option<&Path>) -> Result<Secrets, DataError> {
    if !is_local(variables) {
        return Ok(Secrets::default());
    }
    let wanted: Vec<String> = unset_secrets(source, variables).collect();
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
    getrandom::fill(&mut bytes).map_err(|error| unusable(Path::new("/dev/urandom"), error.into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The values of the template's parameters; those that are absent take the template's default.
pub(crate) fn parameters(
    source: &Source,
    variables: &Variables,
    secrets: &Secrets,
    catalogue_root: Option<&Path>,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    values.insert("Stage".to_owned(), LOCAL_STAGE.to_owned());
    if let Some(root) = catalogue_root {
        values.insert("CatalogRoot".to_owned(), root.to_string_lossy().into_owned());
    }
    for parameter in source.parameters() {
        let variable = parameter.environment_name();
        if let Some(value) = value(variables, &variable).or_else(|| secrets.get(&variable)) {
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
        let source = Source::built_in().unwrap();
        let first = secrets(&source, &Variables::new(), Some(folder.path())).unwrap();
        let second = secrets(&source, &Variables::new(), Some(folder.path())).unwrap();
        assert_eq!(first.0, second.0);
        assert_eq!(first.get("SERVICE_JWT_SECRET").unwrap().len(), 64);
        assert_eq!(first.get("SERVICE_JWT_SECRET_PREVIOUS"), None, "it has an empty default");
        let mode = fs::metadata(folder.path().join("secrets.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{first:?}").contains(first.get("SERVICE_JWT_SECRET").unwrap()));
    }

    #[test]
    fn what_is_set_is_not_generated() {
        let source = Source::built_in().unwrap();
        let variables: Variables = [("AUTH_JWT_SECRET".to_owned(), "x".repeat(40))].into();
        let generated = secrets(&source, &variables, None).unwrap();
        assert_eq!(generated.get("SERVICE_JWT_SECRET"), None);
        let values = parameters(&source, &variables, &generated, None);
        assert_eq!(values["ServiceJwtSecret"], "x".repeat(40));
        assert_eq!(values["Stage"], "local");
    }

    #[test]
    fn a_secret_under_its_older_name_counts_where_the_newer_is_unset() {
        let source = Source::built_in().unwrap();
        let values = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            parameters(&source, &variables, &Secrets::default(), None)
        };
        for (parameter, name, alias) in [
            ("ServiceJwtSecret", "SERVICE_JWT_SECRET", "AUTH_JWT_SECRET"),
            ("TrackstarWebhookSecret", "TRACKSTAR_WEBHOOK_SECRET", "WEBHOOK_TRACKSTAR_SECRET"),
        ] {
            assert_eq!(values(&[(alias, "old")])[parameter], "old");
            assert_eq!(values(&[(alias, "old"), (name, " ")])[parameter], "old");
            assert_eq!(values(&[(alias, "old"), (name, "new")])[parameter], "new");
        }
    }

    #[test]
    fn outside_local_mode_an_unset_secret_refuses_to_start() {
        let source = Source::built_in().unwrap();
        let variables: Variables = [("STAGE".to_owned(), "production".to_owned())].into();
        let generated = secrets(&source, &variables, None).unwrap();
        let parameters = parameters(&source, &variables, &generated, None);
        let bindings = crate::template::Bindings { parameters, ..Default::default() };
        let error = source.resolve(&bindings).unwrap_err().to_string();
        assert!(error.contains("set SERVICE_JWT_SECRET"), "{error}");
    }
}
