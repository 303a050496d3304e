//! Sends a notification to a receiver, signed so that the receiver can trust it.
//!
//! Headers: `Boucle-Delivery` (the same for every attempt), `Boucle-Timestamp` (seconds since 1970)
//! and `Boucle-Signature: sha256=<hex>`, an HMAC-SHA256 with the shared secret over the timestamp,
//! a full stop and the body. A receiver refuses old timestamps and deliveries that it has seen.

use hmac::{Hmac, KeyInit, Mac};
use ledger::Timestamp;
use sha2::Sha256;

use crate::dialer::{AddressPolicy, DialError, Dialer, Request};

/// A receiver.
#[derive(Clone)]
pub struct Webhook {
    /// Where to send.
    pub url: String,
    /// The shared secret; never printed.
    pub secret: Vec<u8>,
}

/// Why a receiver did not take it.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It was not reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It said no.
    #[error("the receiver answered {status}: {body}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The start of what it said.
        body: String,
    },
}

impl WebhookError {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.code(),
            Self::Refused { .. } => "webhook-refused",
        }
    }
}

impl Dialer {
    /// Sends a JSON document to a receiver; any 2xx is success. Redirects are not followed.
    pub async fn send_webhook(
        &self,
        webhook: &Webhook,
        delivery: &str,
        at: Timestamp,
        body: Vec<u8>,
    ) -> Result<(), WebhookError> {
        let seconds = at.0.div_euclid(1000);
        let signature = signature(&webhook.secret, seconds, &body);
        let request = Request {
            excess: crate::dialer::Excess::Cut,
            body_bytes_max: 4096,
            ..Request::post(&webhook.url, AddressPolicy::UserGiven, body)
        }
        .header("Content-Type", "application/json")
        .header("Boucle-Delivery", delivery)
        .header("Boucle-Timestamp", seconds.to_string())
        .header("Boucle-Signature", format!("sha256={signature}"));
        let answer = self.send(&request).await?;
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        Err(WebhookError::Refused { status: answer.status, body })
    }
}

/// The signature's hexadecimal digits.
#[must_use]
pub fn signature(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn signs_as_openssl_does() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            super::signature(b"secret", 1_700_000_000, b"{}"),
            "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
