//! Which of a server's endpoints to use, and as whom.

use adapter::read_password;
use opcua::client::IdentityToken;
use opcua::crypto::{CertificateStore, SecurityPolicy, X509};
use opcua::types::{EndpointDescription, MessageSecurityMode, UAString, UserTokenPolicy, UserTokenType};
use plant::{OpcuaAccess, OpcuaMode, OpcuaPolicy, OpcuaSecurity, OpcuaUser};

use crate::certificates;

/// How messages to an endpoint are protected; none if not at all.
type Protection = Option<(OpcuaPolicy, OpcuaMode)>;

/// The best of the endpoints that the access allows, with exactly the way to log in that is used there.
///
/// # Errors
/// What was wanted and what the server offers.
pub(crate) fn choose(endpoints: &[EndpointDescription], access: &OpcuaAccess) -> Result<EndpointDescription, String> {
    let allowed = endpoints.iter().filter_map(|endpoint| {
        let protection = protection(endpoint)?;
        let token = token(endpoint, &access.user)?;
        let rank = rank(protection, access.security)?;
        Some((rank, endpoint, token))
    });
    if let Some((_, endpoint, token)) = allowed.min_by_key(|(rank, ..)| *rank) {
        return Ok(EndpointDescription { user_identity_tokens: Some(vec![token]), ..endpoint.clone() });
    }
    let mut offered: Vec<String> = endpoints.iter().map(offer).collect();
    offered.dedup();
    Err(format!(
        "the server has no endpoint with {} for {}; it offers {}; allow that at the server, or set security and the user \
         of this link to what it offers",
        wanted(access.security),
        described_user(&access.user),
        if offered.is_empty() { "none".into() } else { offered.join(", ") }
    ))
}

/// Whether the server's certificate protects anything at this endpoint: messages, a password, or a user's signature.
pub(crate) fn needs_certificate(endpoint: &EndpointDescription, user: &OpcuaUser) -> bool {
    endpoint.security_mode != MessageSecurityMode::None || *user != OpcuaUser::Anonymous
}

/// What the library logs in with.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn identity(user: &OpcuaUser) -> Result<IdentityToken, String> {
    match user {
        OpcuaUser::Anonymous => Ok(IdentityToken::Anonymous),
        OpcuaUser::Named { name, password } => Ok(IdentityToken::new_user_name(name.clone(), read_password(password)?)),
        OpcuaUser::Certificate { certificate, key } => {
            let certificate = certificates::read(certificate).map_err(|error| error.to_string())?;
            let expected = "expected a private key in PEM, PKCS #8, that this user may read";
            let key = CertificateStore::read_pkey(key).map_err(|error| format!("{error}; {expected}"))?;
            Ok(IdentityToken::new_x509(certificate, key))
        }
    }
}

/// The server's certificate as the endpoint tells it.
pub(crate) fn certificate(endpoint: &EndpointDescription) -> Result<X509, String> {
    X509::from_byte_string(&endpoint.server_certificate)
        .map_err(|error| format!("the endpoint has no usable certificate: {error}"))
}

fn protection(endpoint: &EndpointDescription) -> Option<Protection> {
    let mode = match endpoint.security_mode {
        MessageSecurityMode::None => return Some(None),
        MessageSecurityMode::Sign => OpcuaMode::Sign,
        MessageSecurityMode::SignAndEncrypt => OpcuaMode::SignAndEncrypt,
        MessageSecurityMode::Invalid => return None,
    };
    let policy = SecurityPolicy::from_uri(endpoint.security_policy_uri.as_ref());
    OpcuaPolicy::ALL.into_iter().find(|&known| library_policy(known) == policy).map(|policy| Some((policy, mode)))
}

/// The less the better; none if it is not allowed.
fn rank(protection: Protection, security: OpcuaSecurity) -> Option<(usize, usize)> {
    match (security, protection) {
        (OpcuaSecurity::None, None) => Some((0, 0)),
        (OpcuaSecurity::Exactly(policy, mode), Some(found)) if found == (policy, mode) => Some((0, 0)),
        (OpcuaSecurity::Auto, Some((policy, mode))) if !policy.is_deprecated() => {
            let of_mode = OpcuaMode::ALL.iter().position(|&known| known == mode)?;
            Some((of_mode, OpcuaPolicy::ALL.iter().position(|&known| known == policy)?))
        }
        _ => None,
    }
}

/// The way to log in as that user here. Nobody else may read a password on the way.
fn token(endpoint: &EndpointDescription, user: &OpcuaUser) -> Option<UserTokenPolicy> {
    let wanted = match user {
        OpcuaUser::Anonymous => UserTokenType::Anonymous,
        OpcuaUser::Named { .. } => UserTokenType::UserName,
        OpcuaUser::Certificate { .. } => UserTokenType::Certificate,
    };
    let tokens = endpoint.user_identity_tokens.iter().flatten().filter(|token| token.token_type == wanted);
    let tokens = tokens.map(|token| {
        // The endpoint's policy holds for a token without one of its own; the library does not know that.
        let own = &token.security_policy_uri;
        let uri = if own.is_empty() { endpoint.security_policy_uri.clone() } else { own.clone() };
        UserTokenPolicy { security_policy_uri: uri, ..token.clone() }
    });
    let is_safe = |token: &UserTokenPolicy| wanted == UserTokenType::Anonymous || is_secure(&token.security_policy_uri);
    let is_encrypted = endpoint.security_mode == MessageSecurityMode::SignAndEncrypt;
    tokens.into_iter().find(|token| is_safe(token) || (is_encrypted && wanted == UserTokenType::UserName))
}

fn is_secure(uri: &UAString) -> bool {
    let policy = SecurityPolicy::from_uri(uri.as_ref());
    OpcuaPolicy::ALL.into_iter().any(|known| library_policy(known) == policy)
}

fn library_policy(policy: OpcuaPolicy) -> SecurityPolicy {
    match policy {
        OpcuaPolicy::Aes256Sha256RsaPss => SecurityPolicy::Aes256Sha256RsaPss,
        OpcuaPolicy::Basic256Sha256 => SecurityPolicy::Basic256Sha256,
        OpcuaPolicy::Aes128Sha256RsaOaep => SecurityPolicy::Aes128Sha256RsaOaep,
        OpcuaPolicy::Basic256 => SecurityPolicy::Basic256,
        OpcuaPolicy::Basic128Rsa15 => SecurityPolicy::Basic128Rsa15,
    }
}

fn wanted(security: OpcuaSecurity) -> String {
    match security {
        OpcuaSecurity::None => "security none".into(),
        OpcuaSecurity::Auto => "security auto (no deprecated policy, and never none)".into(),
        OpcuaSecurity::Exactly(policy, mode) => format!("security {}/{}", policy.name(), mode.name()),
    }
}

fn described_user(user: &OpcuaUser) -> &'static str {
    match user {
        OpcuaUser::Anonymous => "anonymous users",
        OpcuaUser::Named { .. } => "a user name with a password that is encrypted",
        OpcuaUser::Certificate { .. } => "users with a certificate",
    }
}

fn offer(endpoint: &EndpointDescription) -> String {
    let users: Vec<String> =
        endpoint.user_identity_tokens.iter().flatten().map(|token| format!("{:?}", token.token_type)).collect();
    let protection = match protection(endpoint) {
        Some(None) => "none".into(),
        Some(Some((policy, mode))) => format!("{}/{}", policy.name(), mode.name()),
        None => format!("the unknown {}", endpoint.security_policy_uri),
    };
    format!("{protection} for {}", users.join("+"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn endpoint(policy: SecurityPolicy, mode: MessageSecurityMode, users: &[UserTokenType]) -> EndpointDescription {
        let token = |&token_type: &UserTokenType| UserTokenPolicy { token_type, ..Default::default() };
        EndpointDescription {
            security_policy_uri: policy.to_uri().into(),
            security_mode: mode,
            user_identity_tokens: Some(users.iter().map(token).collect()),
            ..Default::default()
        }
    }

    fn access(security: OpcuaSecurity, user: OpcuaUser) -> OpcuaAccess {
        OpcuaAccess { security, user, pki: PathBuf::new() }
    }

    fn named() -> OpcuaUser {
        OpcuaUser::Named { name: "twin".into(), password: plant::Password::Text("secret".into()) }
    }

    #[track_caller]
    fn check(security: OpcuaSecurity, user: OpcuaUser, expected: Option<&str>) {
        use MessageSecurityMode::{None, Sign, SignAndEncrypt};
        use UserTokenType::{Anonymous, UserName};
        let endpoints = [
            endpoint(SecurityPolicy::None, None, &[Anonymous, UserName]),
            endpoint(SecurityPolicy::Aes256Sha256RsaPss, Sign, &[Anonymous, UserName]),
            endpoint(SecurityPolicy::Basic128Rsa15, SignAndEncrypt, &[Anonymous, UserName]),
            endpoint(SecurityPolicy::Aes128Sha256RsaOaep, SignAndEncrypt, &[Anonymous, UserName]),
            endpoint(SecurityPolicy::Basic256Sha256, SignAndEncrypt, &[UserName]),
        ];
        let chosen = choose(&endpoints, &access(security, user));
        let chosen = chosen.ok().map(|endpoint| offer(&endpoint));
        assert_eq!(chosen.as_deref(), expected);
    }

    #[test]
    fn the_strongest_endpoint_that_lets_the_user_in_is_taken() {
        use OpcuaSecurity::{Auto, Exactly};
        check(Auto, OpcuaUser::Anonymous, Some("Aes128_Sha256_RsaOaep/sign-and-encrypt for Anonymous"));
        check(Auto, named(), Some("Basic256Sha256/sign-and-encrypt for UserName"));
        let exactly = Exactly(OpcuaPolicy::Aes256Sha256RsaPss, OpcuaMode::Sign);
        check(exactly, OpcuaUser::Anonymous, Some("Aes256_Sha256_RsaPss/sign for Anonymous"));
        let deprecated = Exactly(OpcuaPolicy::Basic128Rsa15, OpcuaMode::SignAndEncrypt);
        check(deprecated, OpcuaUser::Anonymous, Some("Basic128Rsa15/sign-and-encrypt for Anonymous"));
        check(OpcuaSecurity::None, OpcuaUser::Anonymous, Some("none for Anonymous"));
        check(Exactly(OpcuaPolicy::Basic256, OpcuaMode::Sign), OpcuaUser::Anonymous, None);
    }

    #[test]
    fn a_password_never_crosses_the_network_in_the_clear() {
        check(OpcuaSecurity::None, named(), None);
        let mut open = endpoint(SecurityPolicy::None, MessageSecurityMode::None, &[UserTokenType::UserName]);
        if let Some(tokens) = &mut open.user_identity_tokens {
            tokens[0].security_policy_uri = SecurityPolicy::Basic256Sha256.to_uri().into();
        }
        assert!(choose(&[open.clone()], &access(OpcuaSecurity::None, named())).is_ok());
        assert!(needs_certificate(&open, &named()), "who gets the password must be known");
    }

    #[test]
    fn only_deprecated_or_open_endpoints_are_refused_by_auto_with_what_there_is() {
        let endpoints = [
            endpoint(SecurityPolicy::None, MessageSecurityMode::None, &[UserTokenType::Anonymous]),
            endpoint(SecurityPolicy::Basic256, MessageSecurityMode::SignAndEncrypt, &[UserTokenType::Anonymous]),
        ];
        let problem = choose(&endpoints, &access(OpcuaSecurity::Auto, OpcuaUser::Anonymous)).unwrap_err();
        assert!(problem.contains("it offers none for Anonymous, Basic256/sign-and-encrypt for Anonymous"), "{problem}");
    }
}
