//! Names and passwords for registries: found when an image is pulled, and kept nowhere.

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde::Deserialize;

use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// The registry of images whose name has none.
const USUAL_REGISTRY: &str = "https://index.docker.io/v1/";

#[derive(Deserialize)]
struct InFile {
    username: String,
    password: String,
}

/// The credentials that `reference` names, for the registry of `image`.
///
/// # Errors
/// When they are not where the reference says. Without a reference, none is an answer.
pub(super) fn find(
    reference: Option<&str>,
    image: &str,
    surroundings: &Surroundings,
) -> Result<Option<DockerCredentials>, Error> {
    let registry = registry(image);
    let with = |username: String, password: String| {
        Some(DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        })
    };
    let refused = |why: String| {
        let text = format!("could not find credentials for the registry {registry}: {why}");
        Error::new(ErrorKind::BadInput, text)
    };
    match reference.map(|text| text.split_once(':').unwrap_or((text, ""))) {
        None => Ok(of_client(registry).unwrap_or_default()),
        Some(("config", "")) => of_client(registry).map_err(|error| {
            refused(format!("the docker client's configuration: {error}"))
                .hint("docker login makes it")
        }),
        Some(("env", prefix)) if !prefix.is_empty() => {
            let variable = |part: &str| {
                let name = format!("{prefix}_{part}");
                let value = surroundings.get(&name).filter(|value| !value.is_empty());
                value.map(str::to_owned).ok_or_else(|| refused(format!("{name} is not set")))
            };
            Ok(with(variable("USERNAME")?, variable("PASSWORD")?))
        }
        Some(("file", path)) if path.starts_with('/') => {
            let text = std::fs::read(path).map_err(|error| refused(format!("{path}: {error}")))?;
            // What is wrong in it is not quoted: it may be the password.
            let InFile { username, password } = serde_json::from_slice(&text)
                .map_err(|_| refused(format!("{path} has no JSON with username and password")))?;
            Ok(with(username, password))
        }
        Some(_) => Err(refused("registry_credentials names no place".to_owned())
            .hint("write config, env:PREFIX or file:/path")),
    }
}

fn of_client(registry: &str) -> Result<Option<DockerCredentials>, CredentialRetrievalError> {
    let base = DockerCredentials {
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    };
    Ok(Some(match docker_credential::get_credential(registry)? {
        DockerCredential::IdentityToken(token) => {
            DockerCredentials { identitytoken: Some(token), ..base }
        }
        DockerCredential::UsernamePassword(username, password) => {
            DockerCredentials { username: Some(username), password: Some(password), ..base }
        }
    }))
}

/// The registry in the name of an image, as the docker client reads it.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => USUAL_REGISTRY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_in_the_name() {
        for (image, expected) in [
            ("registry.example.com/team/runtime:1", "registry.example.com"),
            ("127.0.0.1:5000/runtime", "127.0.0.1:5000"),
            ("localhost/runtime", "localhost"),
            ("team/runtime:1", USUAL_REGISTRY),
            ("runtime", USUAL_REGISTRY),
        ] {
            assert_eq!(registry(image), expected);
        }
    }

    #[test]
    fn credentials_are_found_where_the_reference_says_and_never_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.json");
        std::fs::write(&path, r#"{"username": "me", "password": "hush"}"#).unwrap();
        let broken = folder.path().join("broken.json");
        std::fs::write(&broken, r#"{"username": "me", "password": hush}"#).unwrap();
        let pairs = [("REG_USERNAME", "you"), ("REG_PASSWORD", "quiet")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let surroundings: Surroundings = pairs.into_iter().collect();
        let found = |reference: &str| find(Some(reference), "a.b/c", &surroundings);
        let file = found(&format!("file:{}", path.display())).unwrap().unwrap();
        assert_eq!(
            (file.username.as_deref(), file.password.as_deref()),
            (Some("me"), Some("hush"))
        );
        assert_eq!(file.serveraddress.as_deref(), Some("a.b"));
        assert_eq!(found("env:REG").unwrap().unwrap().password.as_deref(), Some("quiet"));
        for (reference, why) in [
            (format!("file:{}", broken.display()), "has no JSON with username and password"),
            ("file:secret.json".to_owned(), "names no place"),
            ("env:OTHER".to_owned(), "OTHER_USERNAME is not set"),
            ("env:".to_owned(), "names no place"),
            ("vault".to_owned(), "names no place"),
        ] {
            let text = crate::chain(&found(&reference).unwrap_err());
            assert!(text.contains(why) && !text.contains("hush"), "{text}");
        }
    }
}
