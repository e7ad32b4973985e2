use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Message;
use crate::rim::schema_tag;

schema_tag!(HealthSchema = "linetwin/health/v1");

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthV1 {
    /// Version of this message.
    pub schema: HealthSchema,
    /// Whether it does its work.
    pub ok: bool,
    /// What is wrong, in words for a person; may be given although the daemon works.
    pub problems: Vec<String>,
}

impl HealthV1 {
    /// A daemon that does its work unless there are problems.
    pub fn of(problems: Vec<String>) -> Self {
        Self { schema: HealthSchema::V1, ok: problems.is_empty(), problems }
    }
}

impl Message for HealthV1 {}
