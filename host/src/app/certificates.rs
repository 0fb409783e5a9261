//! Certificates of erasures: what was done, signed by this installation, without a value of the person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::persons::{ErasureCount, Tally};
use super::{App, AppError};
use crate::access::Read;
use crate::domain::caller::Caller;
use crate::domain::clock::Timestamp;
use crate::domain::id::TenantId;
use crate::domain::invalid::FieldError;
use crate::domain::permission::Area;
use crate::domain::query::{DEFAULT_LIMIT, check_limit};
use crate::store::CertificateRow;

/// What a certificate is made from.
pub(super) struct Facts {
    pub object: String,
    pub record: Uuid,
    pub requested_by: String,
    pub requested_at: Timestamp,
    pub job: Uuid,
    pub did: Tally,
    pub digest: [u8; 32],
}

/// What a certificate says.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificateBody {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Id of the tenant.
    #[schema(value_type = String)]
    pub tenant: Uuid,
    /// The object of the person.
    pub object: String,
    /// The id that the person had.
    #[schema(value_type = String)]
    pub record: Uuid,
    /// Who asked for it: `user:` or `key:` and an id.
    pub requested_by: String,
    /// When it was asked for.
    pub requested_at: String,
    /// When it was done.
    pub erased_at: String,
    /// The job that did it.
    #[schema(value_type = String)]
    pub job: Uuid,
    /// Records by object.
    pub objects: BTreeMap<String, ErasureCount>,
    /// Events that lost values.
    pub events: u64,
    /// Contents of files that were removed.
    pub files: u64,
    /// Answers kept for retries that were emptied.
    pub answers: u64,
    /// Merges that were forgotten.
    pub merges: u64,
    /// Imports whose file, samples and refused rows were removed.
    pub imports: u64,
    /// Jobs whose request and outcome were emptied; exports lost their file.
    pub jobs: u64,
    /// SHA-256, in hexadecimal digits, over a line for each record: `removed` or `kept`, object and id with a space
    /// between, in the order of object and id.
    pub digest: String,
}

/// A certificate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CertificateView {
    /// What it says.
    #[serde(flatten)]
    pub body: CertificateBody,
    /// Over what it says, with the installation's secret.
    pub signature: String,
    /// Whether the signature fits, so that nobody has changed it.
    pub valid: bool,
}

/// A page of certificates, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CertificatePage {
    /// The certificates.
    pub data: Vec<CertificateView>,
    /// Where the next page begins; none when this is the last one.
    pub next_cursor: Option<String>,
}

impl App {
    /// The certificate of an erasure that ends now.
    pub(super) fn certify(&self, tenant: TenantId, facts: Facts) -> CertificateRow {
        let Facts { object, record, requested_by, requested_at, job, did, digest } = facts;
        let (id, made_at) = (self.ids.make(), self.clock.now());
        let body = CertificateBody {
            id,
            tenant: tenant.0,
            object: object.clone(),
            record,
            requested_by,
            requested_at: requested_at.to_string(),
            erased_at: made_at.to_string(),
            job,
            objects: did.objects,
            events: did.events,
            files: did.files,
            answers: did.answers,
            merges: did.merges,
            imports: did.imports,
            jobs: did.jobs,
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let signature = self.cursors.seal_bytes(&scope(tenant, id), &Sha256::digest(&body));
        CertificateRow { id, made_at, object, record, body, signature }
    }

    /// A page of the certificates of the caller's tenant.
    pub async fn certificates(
        &self,
        caller: &Caller,
        limit: Option<u64>,
        cursor: Option<&str>,
    ) -> Result<CertificatePage, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Privacy)?;
        let before = cursor.map(Uuid::parse_str).transpose().map_err(|_| {
            AppError::Invalid(vec![FieldError::new("cursor", "invalid_cursor", "is not a cursor of this list")])
        })?;
        let limit = check_limit(limit.unwrap_or(u64::from(DEFAULT_LIMIT)));
        let limit = limit.map_err(|fault| AppError::Invalid(vec![fault]))?;
        let mut rows = self.store.certificates(permit, before, limit + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = rows.last().filter(|_| has_more).map(|row| row.id.to_string());
        let data = rows.iter().map(|row| self.certificate_view(caller.tenant, row)).collect::<Result<_, _>>()?;
        Ok(CertificatePage { data, next_cursor })
    }

    /// One of them.
    pub async fn certificate(&self, caller: &Caller, id: Uuid) -> Result<CertificateView, AppError> {
        let permit = self.access.check_area::<Read>(caller, Area::Privacy)?;
        let row = self.store.certificate(permit, id).await?;
        self.certificate_view(caller.tenant, &row.ok_or_else(|| AppError::no_record("certificate", &id))?)
    }

    fn certificate_view(&self, tenant: TenantId, row: &CertificateRow) -> Result<CertificateView, AppError> {
        let body: CertificateBody = serde_json::from_str(&row.body)
            .map_err(|error| AppError::Setup(format!("the certificate {}: {error}", row.id)))?;
        let signed = self.cursors.open_bytes(&scope(tenant, row.id), &row.signature);
        let valid = body.id == row.id && signed.is_some_and(|hash| hash == *Sha256::digest(&row.body));
        Ok(CertificateView { body, signature: row.signature.clone(), valid })
    }
}

fn scope(tenant: TenantId, id: Uuid) -> String {
    format!("certificate|{tenant}|{id}|")
}
