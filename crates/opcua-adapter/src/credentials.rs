//! Who we are at a server, and whether it is one to trust.

use std::sync::Arc;

use opcua::client::IdentityToken;
use opcua::crypto::CertificateStore;
use opcua::sync::RwLock;
use opcua::types::{EndpointDescription, StatusCode};
use plant::OpcuaAccess;

use crate::certificates::{Certificate, Pki};
use crate::client::{ANONYMOUS_APPLICATION, no_certificates};
use crate::endpoint;

/// What a session needs besides the endpoint.
pub(crate) struct Credentials {
    pub(crate) identity: IdentityToken,
    pub(crate) application_uri: String,
    pub(crate) store: Arc<RwLock<CertificateStore>>,
    pub(crate) own_certificate: Option<Certificate>,
}

/// Reads what the access needs at this endpoint, and checks that the server is the one to trust.
pub(crate) fn credentials(
    access: &OpcuaAccess,
    endpoint: &EndpointDescription,
    url: &str,
) -> Result<Credentials, String> {
    let pki = Pki::new(&access.pki);
    let identity = endpoint::identity(&access.user)?;
    if !endpoint::needs_certificate(endpoint, &access.user) {
        let application_uri = ANONYMOUS_APPLICATION.to_owned();
        return Ok(Credentials { identity, application_uri, store: no_certificates(), own_certificate: None });
    }
    pki.check(&endpoint::certificate(endpoint)?, endpoint.server.application_uri.as_ref(), url)?;
    let own = pki.own().map_err(|error| error.to_string())?;
    let remedy = "remove it and its key to have new ones made, and let each server trust the new one";
    own.certificate.check_time("linetwin's own certificate", remedy)?;
    Ok(Credentials {
        identity,
        application_uri: own.application_uri,
        store: own.store,
        own_certificate: Some(own.certificate),
    })
}

/// What to do about a refusal, where the standard's words for it do not say.
pub(crate) fn remedy(status: StatusCode, own: Option<&Certificate>) -> String {
    use StatusCode as S;
    let Some(own) = own else { return String::new() };
    match status {
        S::BadIdentityTokenRejected | S::BadUserAccessDenied | S::BadIdentityTokenInvalid => {
            "; check the user of this link and its password or certificate".to_owned()
        }
        S::BadInvalidTimestamp | S::BadCertificateTimeInvalid => {
            "; compare the clocks of the server and of this machine, and the times of validity of both certificates"
                .to_owned()
        }
        S::BadSecurityChecksFailed
        | S::BadCertificateUntrusted
        | S::BadCertificateInvalid
        | S::BadConnectionClosed
        | S::BadCertificateUriInvalid
        | S::BadCertificateUseNotAllowed => format!(
            "; the server may not trust linetwin's own certificate yet: {}, thumbprint {}; trust it at the server",
            own.file.display(),
            own.thumbprint
        ),
        _ => String::new(),
    }
}
