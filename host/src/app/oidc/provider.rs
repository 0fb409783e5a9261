//! What is asked of a provider, over the host's own way out: what it says of itself, and what a code stands for.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use openidconnect::core::{CoreClient, CoreIdToken, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, HttpRequest, HttpResponse, IssuerUrl, PkceCodeVerifier, RedirectUrl,
    TokenResponse as _,
};

use crate::outbound::{Outbound, SendError};

/// A code, and what it is redeemed with.
pub struct Redeemed {
    /// What the provider said of itself.
    pub metadata: Arc<CoreProviderMetadata>,
    /// What it calls the host.
    pub client_id: ClientId,
    /// What the host shows it.
    pub client_secret: ClientSecret,
    /// Where it sent the browser to.
    pub redirect: RedirectUrl,
    /// The code.
    pub code: String,
    /// What the challenge was made of.
    pub verifier: String,
}

/// What a provider says of itself, its keys included.
pub fn discover(outbound: Arc<Outbound>, issuer: IssuerUrl) -> BoxFuture<'static, Option<Arc<CoreProviderMetadata>>> {
    Box::pin(async move {
        let http = move |request| ask(Arc::clone(&outbound), request);
        let found = CoreProviderMetadata::discover_async(issuer.clone(), &http).await;
        found
            .map(Arc::new)
            .inspect_err(|error| tracing::info!(%error, %issuer, "a provider does not say where it is"))
            .ok()
    })
}

/// The token that a code stands for.
pub fn redeem(outbound: Arc<Outbound>, with: Redeemed) -> BoxFuture<'static, Result<CoreIdToken, &'static str>> {
    Box::pin(async move {
        let http = move |request| ask(Arc::clone(&outbound), request);
        let client =
            CoreClient::from_provider_metadata((*with.metadata).clone(), with.client_id, Some(with.client_secret))
                .set_redirect_uri(with.redirect);
        let request = client.exchange_code(AuthorizationCode::new(with.code)).map_err(|_| "it takes no codes")?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(with.verifier));
        let answer = request.request_async(&http).await.map_err(|error| {
            tracing::info!(%error, "a provider takes a code for nothing");
            "it does not know the code"
        })?;
        answer.id_token().cloned().ok_or("it says nothing of who signed in")
    })
}

async fn ask(outbound: Arc<Outbound>, request: HttpRequest) -> Result<HttpResponse, SendError> {
    let fetched = outbound.fetch(request).await?;
    let mut response = HttpResponse::new(fetched.body.to_vec());
    *response.status_mut() = fetched.status;
    *response.headers_mut() = fetched.headers;
    Ok(response)
}
