//! Secrets of a run: read where the order says, shown to the guest, and kept out of everything that is written down.
//!
//! Masking is for accidents: a guest that wants to give a secret away can write it in another form. What keeps a secret
//! from a hostile guest is a placeholder, whose value only requests to a granted host carry.

use std::collections::BTreeMap;
use std::fmt;

use longshore_protocol::grants::{Access, Grants, NetworkGrant, SecretGrant, SecretSource};

/// What stands for a secret's value in all that is written down.
const MASK: &str = "***";
/// Shorter values would be found, and masked, everywhere.
const VALUE_BYTES_MIN: usize = 6;
/// A secret is a key or a certificate, not a file of data.
const VALUE_BYTES_MAX: u64 = 64 << 10;
/// Lines of a secret with several, such as a private key, are masked each; shorter ones are not telling.
const LINE_BYTES_MIN: usize = 8;

/// The secrets of one run. `Debug` does not show their values.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Secret>);

#[derive(Clone)]
struct Secret {
    name: String,
    value: String,
    /// What the guest sees instead, and where requests may carry the value.
    hidden: Option<(String, NetworkGrant)>,
}

impl Secrets {
    /// Reads the secrets that are granted; `variable` reads the environment of this process.
    ///
    /// # Errors
    /// Says which secret could not be read, and never its value.
    pub fn read(
        grants: &Grants,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let secret = |(name, grant): (&String, &SecretGrant)| {
            let value = read(&grant.from, &variable)
                .map_err(|why| format!("the secret {name} could not be read: {why}"))?;
            if value.len() < VALUE_BYTES_MIN {
                return Err(format!(
                    "the secret {name} has less than {VALUE_BYTES_MIN} bytes, so it could not be masked"
                ));
            }
            let hidden = match &grant.only_to {
                Some(place) => Some((placeholder()?, place.clone())),
                None => None,
            };
            Ok(Secret { name: name.clone(), value, hidden })
        };
        grants.secrets.iter().map(secret).collect::<Result<_, _>>().map(Self)
    }

    /// What the guest sees: names with values, or with placeholders.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|secret| {
            let shown =
                secret.hidden.as_ref().map_or(&secret.value, |(placeholder, _)| placeholder);
            (secret.name.as_str(), shown.as_str())
        })
    }

    /// Puts values in the place of placeholders, in what goes to a host where they are granted.
    pub fn reveal(&self, text: &str, access: Access<'_>, host: &str, port: u16) -> Option<String> {
        let mut revealed = None;
        for Secret { value, hidden, .. } in &self.0 {
            let Some((placeholder, place)) = hidden else { continue };
            let current = revealed.as_deref().unwrap_or(text);
            if current.contains(placeholder) && place.allows(access, host, port) {
                revealed = Some(current.replace(placeholder, value));
            }
        }
        revealed
    }

    /// Masks all values in a text. `None`: there is nothing to mask.
    pub fn mask(&self, text: &str) -> Option<String> {
        let mut masked = None;
        for needle in self.needles() {
            let current = masked.as_deref().unwrap_or(text);
            if current.contains(needle) {
                masked = Some(current.replace(needle, MASK));
            }
        }
        masked
    }

    /// Masks all values in a text, in place.
    pub fn mask_in(&self, text: &mut String) {
        if let Some(masked) = self.mask(text) {
            *text = masked;
        }
    }

    /// Masks all values in names and values of fields.
    pub fn mask_fields(&self, fields: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if self.0.is_empty() {
            return fields;
        }
        let mask = |text: String| self.mask(&text).unwrap_or(text);
        fields.into_iter().map(|(key, value)| (mask(key), mask(value))).collect()
    }

    /// The name of a secret whose value is in `bytes`.
    pub fn find(&self, bytes: &[u8]) -> Option<&str> {
        let holds = |needle: &str| memchr::memmem::find(bytes, needle.as_bytes()).is_some();
        self.0.iter().find(|secret| holds(&secret.value)).map(|secret| secret.name.as_str())
    }

    /// Whole values first: their lines are parts of them.
    fn needles(&self) -> impl Iterator<Item = &str> {
        let lines = self.0.iter().flat_map(|secret| {
            let lines = secret.value.lines().map(str::trim);
            lines.filter(|line| line.len() >= LINE_BYTES_MIN && *line != secret.value)
        });
        self.0.iter().map(|secret| secret.value.as_str()).chain(lines)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.0.iter().map(|secret| &secret.name)).finish()
    }
}

fn read(
    source: &SecretSource,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    match source {
        SecretSource::Env(name) => {
            variable(name).ok_or_else(|| format!("the runtime has no environment variable {name}"))
        }
        SecretSource::File(path) => {
            let attempted = |error: std::io::Error| format!("{path}: {error}");
            if std::fs::metadata(path).map_err(attempted)?.len() > VALUE_BYTES_MAX {
                return Err(format!("{path} has more than {VALUE_BYTES_MAX} bytes"));
            }
            let text = std::fs::read_to_string(path).map_err(attempted)?;
            // Editors and `echo` end files with an end of line that is not meant.
            let text = text.strip_suffix('\n').unwrap_or(&text);
            Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
        }
    }
}

/// Unlike anything else, and not to be guessed: a guest must not be able to ask for another secret's value.
fn placeholder() -> Result<String, String> {
    let mut random = [0; 16];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| format!("there are no random bytes for a placeholder: {error}"))?;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("longshore-secret-{hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(json: &str, values: &[(&str, &str)]) -> Result<Secrets, String> {
        let secrets = serde_json::from_str(json).unwrap();
        let grants = Grants { secrets, ..Grants::default() };
        let value = |name: &str| {
            values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Secrets::read(&grants, value)
    }

    #[test]
    fn values_are_masked_whole_and_by_line() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----";
        let json = r#"{"A": {"from": "env:A"}, "K": {"from": "env:K"}}"#;
        let secrets = secrets(json, &[("A", "hunter22"), ("K", key)]).unwrap();
        assert_eq!(secrets.mask("a hunter22 b hunter22").as_deref(), Some("a *** b ***"));
        assert_eq!(secrets.mask("x MIIEvQIBADANBg y").as_deref(), Some("x *** y"));
        assert_eq!(secrets.mask(&format!("[{key}]")).as_deref(), Some("[***]"));
        assert_eq!(secrets.mask("nothing"), None);
        assert_eq!(secrets.find(b"\x00hunter22\xff"), Some("A"));
        assert_eq!(format!("{secrets:?}"), r#"["A", "K"]"#);
        assert!(secrets.variables().any(|pair| pair == ("A", "hunter22")));
    }

    #[test]
    fn a_hidden_secret_is_revealed_to_its_host_only() {
        let json = r#"{"A": {"from": "env:A", "only_to": "POST api.example.com:443"}}"#;
        let secrets = secrets(json, &[("A", "hunter22")]).unwrap();
        let (_, placeholder) = secrets.variables().next().unwrap();
        assert!(!placeholder.contains("hunter22"));
        let header = format!("Bearer {placeholder}");
        let reveal = |method, host, port| secrets.reveal(&header, Access::Http(method), host, port);
        assert_eq!(reveal("POST", "api.example.com", 443).as_deref(), Some("Bearer hunter22"));
        assert_eq!(reveal("POST", "evil.example.com", 443), None);
        assert_eq!(reveal("GET", "api.example.com", 443), None);
        assert_eq!(reveal("POST", "api.example.com", 80), None);
    }

    #[test]
    fn what_cannot_be_read_is_named_without_a_value() {
        let error = secrets(r#"{"A": {"from": "env:B"}}"#, &[]).unwrap_err();
        assert_eq!(
            error,
            "the secret A could not be read: the runtime has no environment variable B"
        );
        let error = secrets(r#"{"A": {"from": "file:/no/such"}}"#, &[]).unwrap_err();
        assert!(error.starts_with("the secret A could not be read: /no/such: "), "{error}");
        let error = secrets(r#"{"A": {"from": "env:A"}}"#, &[("A", "abc")]).unwrap_err();
        assert!(!error.contains("abc"), "{error}");
    }

    #[test]
    fn an_end_of_line_in_a_file_is_not_part_of_the_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter22\r\n").unwrap();
        let json = format!(r#"{{"A": {{"from": "file:{}"}}}}"#, file.path().display());
        let secrets = secrets(&json, &[]).unwrap();
        assert_eq!(secrets.variables().next(), Some(("A", "hunter22")));
    }
}
