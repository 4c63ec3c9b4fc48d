//! KMS: the keys that the template has or gives rights to, and of its operations those that envelope encryption needs. All keys come out of one root key, which
//! lies in a file of the data folder (`host/root_key.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{self, Engine, Refused, no_operation, read};
use crate::host::root_key::RootKey;
use crate::template::{ACCOUNT, REGION};

/// What a ciphertext begins with: another layout would begin with another byte.
const LAYOUT: u8 = 1;
/// KMS's own limits.
const DATA_KEY_BYTES_MAX: u16 = 1024;
const CIPHERTEXT_BYTES_MAX: usize = 6144;
const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

type Context = BTreeMap<String, String>;

/// The keys of a host. Clones are the same.
#[derive(Clone)]
pub(crate) struct Keys(Arc<Inner>);

struct Inner {
    ids: BTreeSet<String>,
    root: RootKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GenerateDataKey {
    key_id: String,
    key_spec: Option<String>,
    number_of_bytes: Option<u16>,
    #[serde(default)]
    encryption_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Decrypt {
    ciphertext_blob: String,
    key_id: Option<String>,
    #[serde(default)]
    encryption_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ReEncrypt {
    ciphertext_blob: String,
    source_key_id: Option<String>,
    #[serde(default)]
    source_encryption_context: Context,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: Context,
}

impl Engine for Keys {
    const TARGET: &'static str = "TrentService";

    fn perform(&self, operation: &str, request: &[u8]) -> Result<Value, Refused> {
        match operation {
            "GenerateDataKey" => self.generate_data_key(read(request)?),
            "Decrypt" => self.decrypt(read(request)?),
            "ReEncrypt" => self.re_encrypt(read(request)?),
            other => Err(no_operation(other)),
        }
    }
}

impl Keys {
    /// Keys of these ids, all of the one root key.
    pub(crate) fn new(ids: impl IntoIterator<Item = String>, root: RootKey) -> Self {
        Self(Arc::new(Inner { ids: ids.into_iter().collect(), root }))
    }

    fn generate_data_key(&self, request: GenerateDataKey) -> Result<Value, Refused> {
        let bytes = match (request.key_spec.as_deref(), request.number_of_bytes) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(bytes @ 1..=DATA_KEY_BYTES_MAX)) => bytes,
            _ => {
                return Err(Refused::validation(
                    "either KeySpec or NumberOfBytes, 1 to 1024, says how long the key is",
                ));
            }
        };
        let id = self.id(&request.key_id)?;
        let mut plain = vec![0; bytes.into()];
        random(&mut plain)?;
        let ciphertext = self.encrypt(id, &plain, &request.encryption_context)?;
        Ok(json!({
            "KeyId": arn(id),
            "Plaintext": BASE64_STANDARD.encode(plain),
            "CiphertextBlob": BASE64_STANDARD.encode(ciphertext),
        }))
    }

    fn decrypt(&self, request: Decrypt) -> Result<Value, Refused> {
        let named = request.key_id.as_deref();
        let (id, plain) = self.opened(&request.ciphertext_blob, named, &request.encryption_context)?;
        let plain = BASE64_STANDARD.encode(plain);
        Ok(json!({"KeyId": arn(id), "Plaintext": plain, "EncryptionAlgorithm": ALGORITHM}))
    }

    fn re_encrypt(&self, request: ReEncrypt) -> Result<Value, Refused> {
        let destination = self.id(&request.destination_key_id)?;
        let named = request.source_key_id.as_deref();
        let (source, plain) = self.opened(&request.ciphertext_blob, named, &request.source_encryption_context)?;
        let ciphertext = self.encrypt(destination, &plain, &request.destination_encryption_context)?;
        Ok(json!({
            "CiphertextBlob": BASE64_STANDARD.encode(ciphertext),
            "SourceKeyId": arn(source),
            "KeyId": arn(destination),
            "SourceEncryptionAlgorithm": ALGORITHM,
            "DestinationEncryptionAlgorithm": ALGORITHM,
        }))
    }

    /// The key that a request names by its id or its ARN.
    fn id(&self, named: &str) -> Result<&str, Refused> {
        let found = self.0.ids.iter().find(|id| named == id.as_str() || named == arn(id));
        found
            .map(String::as_str)
            .ok_or_else(|| Refused::new("NotFoundException", format!("Key '{named}' does not exist")))
    }

    fn cipher(&self, id: &str) -> LessSafeKey {
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.root.expose()), id.as_bytes());
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("a key of AES-256's length"))
    }

    /// Layout, the key's id with its length, nonce, and what is encrypted with its tag.
    fn encrypt(&self, id: &str, plain: &[u8], context: &Context) -> Result<Vec<u8>, Refused> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut sealed = plain.to_vec();
        let aad = Aad::from(authenticated(id, context));
        let done = self.cipher(id).seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed);
        done.map_err(|_| internal())?;
        let length = u8::try_from(id.len()).map_err(|_| internal())?;
        Ok([&[LAYOUT, length], id.as_bytes(), &nonce, &sealed].concat())
    }

    /// What a ciphertext holds, and the key that it names itself.
    fn opened(&self, blob: &str, named: Option<&str>, context: &Context) -> Result<(&str, Vec<u8>), Refused> {
        let invalid =
            || Refused::new("InvalidCiphertextException", "the ciphertext, or its encryption context, is not right");
        let named = named.map(|named| self.id(named)).transpose()?;
        let blob = BASE64_STANDARD.decode(blob).map_err(|_| Refused::validation("CiphertextBlob is not base64"))?;
        if blob.len() > CIPHERTEXT_BYTES_MAX {
            return Err(Refused::validation("CiphertextBlob is too long"));
        }
        let Some(([LAYOUT, length], rest)) = blob.split_first_chunk() else { return Err(invalid()) };
        let (id, rest) = rest.split_at_checked((*length).into()).ok_or_else(invalid)?;
        let id = std::str::from_utf8(id).ok().and_then(|id| self.id(id).ok()).ok_or_else(invalid)?;
        if named.is_some_and(|named| named != id) {
            return Err(Refused::new("IncorrectKeyException", "the ciphertext was made with another key"));
        }
        let (nonce, sealed) = rest.split_first_chunk().ok_or_else(invalid)?;
        let (mut plain, aad) = (sealed.to_vec(), Aad::from(authenticated(id, context)));
        let opened = self.cipher(id).open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut plain);
        let length = opened.map_err(|_| invalid())?.len();
        plain.truncate(length);
        Ok((id, plain))
    }
}

/// The key's id and the context, in the one order that a map has here.
fn authenticated(id: &str, context: &Context) -> Vec<u8> {
    json::text(&(id, context))
}

/// The id of a key of this account that an ARN names.
pub(crate) fn id_in(resource: &str) -> Option<&str> {
    resource.strip_prefix(arn("").as_str()).filter(|id| !id.is_empty())
}

/// A key's ARN.
pub(crate) fn arn(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}

/// From the operating system: a data key is a secret.
fn random(bytes: &mut [u8]) -> Result<(), Refused> {
    getrandom::fill(bytes).map_err(|_| internal())
}

fn internal() -> Refused {
    Refused::new("KMSInternalException", "it could not be done")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new(["a".to_owned(), "b".to_owned()], RootKey::generate().unwrap())
    }

    fn ask(keys: &Keys, operation: &str, request: &Value) -> Result<Value, &'static str> {
        keys.perform(operation, request.to_string().as_bytes()).map_err(|refused| refused.code)
    }

    #[test]
    fn a_data_key_is_opened_by_its_key_and_context_alone() {
        let (keys, context) = (keys(), json!({"tenant": "t", "connection": "t/p/n"}));
        let asked = json!({"KeyId": "a", "KeySpec": "AES_256", "EncryptionContext": context});
        let made = ask(&keys, "GenerateDataKey", &asked).unwrap();
        assert_eq!(made["KeyId"], "arn:aws:kms:us-east-1:000000000000:key/a");
        assert_eq!(BASE64_STANDARD.decode(made["Plaintext"].as_str().unwrap()).unwrap().len(), 32);
        let open = |keys: &Keys, blob: &Value, key: &str, context: &Value| {
            let asked = json!({"CiphertextBlob": blob, "KeyId": key, "EncryptionContext": context});
            ask(keys, "Decrypt", &asked).map(|opened| opened["Plaintext"].clone())
        };
        let blob = &made["CiphertextBlob"];
        assert_eq!(open(&keys, blob, "a", &context), Ok(made["Plaintext"].clone()));
        assert_eq!(open(&keys, blob, &arn("a"), &context), Ok(made["Plaintext"].clone()));
        assert_eq!(open(&keys, blob, "b", &context), Err("IncorrectKeyException"));
        assert_eq!(open(&keys, blob, "c", &context), Err("NotFoundException"));
        for other in [json!({}), json!({"tenant": "t", "connection": "t/p/m"}), json!({"tenant": "t"})] {
            assert_eq!(open(&keys, blob, "a", &other), Err("InvalidCiphertextException"), "{other}");
        }
        for damaged in ["", "AQ==", "AQFh", "AgFhAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Af9h"] {
            assert_eq!(open(&keys, &damaged.into(), "a", &context), Err("InvalidCiphertextException"), "{damaged}");
        }
        assert_eq!(open(&keys, &"*".into(), "a", &context), Err("ValidationException"));
        let another = Keys::new(["a".to_owned()], RootKey::generate().unwrap());
        assert_eq!(open(&another, blob, "a", &context), Err("InvalidCiphertextException"), "another root key");

        let again = json!({"CiphertextBlob": blob, "SourceKeyId": "a", "SourceEncryptionContext": context,
            "DestinationKeyId": "b", "DestinationEncryptionContext": {}});
        let again = ask(&keys, "ReEncrypt", &again).unwrap();
        assert_eq!((&again["SourceKeyId"], &again["KeyId"]), (&json!(arn("a")), &json!(arn("b"))));
        assert_eq!(open(&keys, &again["CiphertextBlob"], "b", &json!({})), Ok(made["Plaintext"].clone()));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (operation, request, code) in [
            ("GenerateDataKey", json!({"KeyId": "a"}), "ValidationException"),
            ("GenerateDataKey", json!({"KeyId": "a", "NumberOfBytes": 0}), "ValidationException"),
            ("GenerateDataKey", json!({"KeyId": "a", "KeySpec": "AES_256", "NumberOfBytes": 1}), "ValidationException"),
            ("GenerateDataKey", json!({"KeyId": "alias/a", "KeySpec": "AES_256"}), "NotFoundException"),
            ("GenerateDataKey", json!({"KeyId": "a", "KeySpec": "AES_256", "DryRun": true}), "ValidationException"),
            ("Decrypt", json!([]), "ValidationException"),
            ("Encrypt", json!({}), "UnknownOperationException"),
            ("", json!({}), "UnknownOperationException"),
        ] {
            assert_eq!(ask(&keys(), operation, &request), Err(code), "{operation} {request}");
        }
    }
}
