//! Which files are likely to be secrets, by their names. Pure.

/// Beginnings of names, in lower case.
const BEGINNINGS: [&str; 9] = [
    ".env",
    "credentials.",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".aws",
    "service-account",
    "client_secret",
];
/// Endings of names, in lower case.
const ENDINGS: [&str; 9] =
    [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".tfstate"];
/// Names, in lower case.
const NAMES: [&str; 10] = [
    "credentials",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".dockerconfigjson",
    "secrets.toml",
];

/// Whether a file of this name is likely to be a secret.
pub(super) fn is_likely(name: &str) -> bool {
    let name = name.to_lowercase();
    NAMES.contains(&name.as_str())
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::is_likely;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            ".env",
            ".env.local",
            "server.pem",
            "SERVER.KEY",
            "credentials",
            "credentials.json",
            "id_rsa",
            "id_rsa.old",
            "id_ed25519",
            ".netrc",
        ] {
            assert!(is_likely(name), "{name}");
        }
        for name in
            ["env", "keys.csv", "pem", "environment.yaml", "monkey", "my-credentials-doc.md"]
        {
            assert!(!is_likely(name), "{name}");
        }
    }
}
