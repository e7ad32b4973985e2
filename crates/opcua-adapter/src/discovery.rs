//! What a server tells without a session: its endpoints, and so its certificate.

use opcua::client::transport::{SecureChannelEventLoop, Transport, TransportPollResult};
use opcua::client::{AsyncSecureChannel, ClientConfig, SessionBuilder};
use opcua::core::ResponseMessage;
use opcua::types::{DateTime, EndpointDescription, Error, GetEndpointsRequest, NodeId, RequestHeader, StatusCode};
use tokio::time::timeout;

use crate::certificates::{Certificate, Pki, PkiError};
use crate::client::{
    ANONYMOUS_APPLICATION, BoundedConnector, CLOSE_TIME_MAX, CONNECT_TIME_MAX, REQUEST_TIME_MAX, config,
    no_certificates,
};
use crate::connection::failed;
use crate::decoding::set_bounds;
use crate::deep::wait_deep;
use crate::endpoint;

/// What the server offers.
pub(crate) async fn endpoints(config: &ClientConfig, url: &str) -> Result<Vec<EndpointDescription>, Error> {
    let channel = SessionBuilder::new(config).connect_to_endpoint_directly(url)?.build_channel(no_certificates())?;
    set_bounds(&mut channel.encoding_context().write());
    let mut event_loop = channel.connect_no_retry(&BoundedConnector { url: url.to_owned() }).await?;
    let request = GetEndpointsRequest {
        request_header: RequestHeader::new(&NodeId::null(), &DateTime::now(), channel.request_handle()),
        endpoint_url: url.into(),
        locale_ids: None,
        profile_uris: None,
    };
    let answer = tokio::select! {
        answer = channel.send(request, REQUEST_TIME_MAX) => answer?,
        status = closed(&mut event_loop) => return Err(Error::new(status, "the server closed the connection")),
    };
    close_channel(&channel, &mut event_loop).await;
    match answer {
        ResponseMessage::GetEndpoints(response) if !response.response_header.service_result.is_bad() => {
            Ok(response.endpoints.unwrap_or_default())
        }
        ResponseMessage::GetEndpoints(response) => Err(Error::new(response.response_header.service_result, "refused")),
        ResponseMessage::ServiceFault(fault) => Err(Error::new(fault.response_header.service_result, "refused")),
        other => Err(Error::new(StatusCode::BadUnknownResponse, format!("got {}", other.type_name()))),
    }
}

async fn close_channel<T: Transport>(channel: &AsyncSecureChannel, event_loop: &mut SecureChannelEventLoop<T>) {
    channel.close_channel().await;
    if timeout(CLOSE_TIME_MAX, closed(event_loop)).await.is_err() {
        tracing::debug!("the server did not close the discovery channel");
    }
}

async fn closed<T: Transport>(event_loop: &mut SecureChannelEventLoop<T>) -> StatusCode {
    loop {
        if let TransportPollResult::Closed(status) = event_loop.poll().await {
            return status;
        }
    }
}

/// The certificate that the server shows at its best endpoint. It is put to the rejected ones, unless it is known.
///
/// # Errors
/// If the server cannot be reached or has no certificate.
pub async fn fetch_certificate(url: &str, pki: &Pki) -> Result<Certificate, PkiError> {
    let asked = wait_deep({
        let url = url.to_owned();
        async move { endpoints(&config(ANONYMOUS_APPLICATION), &url).await }
    });
    let found = timeout(CONNECT_TIME_MAX, asked).await;
    let found = found.map_err(|_| PkiError(format!("{url}: no answer within {} s", CONNECT_TIME_MAX.as_secs())))?;
    let found = found.map_err(PkiError)?.map_err(|error| PkiError(failed(url, "no answer to GetEndpoints", error)))?;
    let shown =
        found.iter().max_by_key(|endpoint| (!endpoint.server_certificate.is_null_or_empty(), endpoint.security_level));
    let Some(endpoint) = shown else { return Err(PkiError(format!("{url}: the server has no endpoint"))) };
    let certificate = endpoint::certificate(endpoint).map_err(|problem| PkiError(format!("{url}: {problem}")))?;
    pki.remember(&certificate)
}
