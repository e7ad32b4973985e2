//! A server tells only what changes; what stands already has to be asked for (ConditionRefresh).

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};

use adapter::LinkError;
use opcua::client::Session;
use opcua::types::{MethodId, ObjectTypeId, StatusCode, Variant};
use tokio::sync::Notify;

use crate::connection::described;

/// What is to be asked for, and what became of it.
#[derive(Default)]
pub(crate) struct Refresh {
    /// The subscription that the events come with.
    subscription: AtomicU32,
    wanted: Notify,
    refused: Notify,
}

impl Refresh {
    /// Events come with that subscription from now on; nobody knows yet what stands.
    pub(crate) fn subscribed(&self, subscription: u32) {
        self.subscription.store(subscription, Ordering::Relaxed);
        self.want();
    }

    /// Something was missing: what stands is to be asked for.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// Waits until the server has refused.
    pub(crate) async fn refused(&self) {
        self.refused.notified().await;
    }

    /// Asks whenever it is wanted, until it is dropped. What the server tells comes as events.
    ///
    /// # Errors
    /// Never: a server that refuses is told of, and a lost connection is seen by others.
    pub(crate) async fn run(&self, session: &Session, url: &str) -> Result<Infallible, LinkError> {
        loop {
            self.wanted.notified().await;
            let subscription = Variant::from(self.subscription.load(Ordering::Relaxed));
            let method = (
                ObjectTypeId::ConditionType.into(),
                MethodId::ConditionType_ConditionRefresh.into(),
                Some(vec![subscription]),
            );
            let answer = session.call(vec![method.into()]).await;
            let status = match answer {
                Ok(results) => results.first().map_or(StatusCode::BadUnexpectedError, |result| result.status_code),
                Err(error) => error.status(),
            };
            // One that is under way tells the same.
            if status.is_bad() && status != StatusCode::BadRefreshInProgress {
                let status = described(status);
                tracing::warn!(url, status, "the server does not tell which conditions stand, only what changes");
                self.refused.notify_one();
            }
        }
    }
}
