//! The published JSON schema of the configuration, made from the types that read it.

use schemars::generate::SchemaSettings;

use super::file::File;

/// The schema, as `c8dr config schema` prints it.
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<File>();
    schema.insert("title".to_owned(), "The configuration of c8dr".into());
    schema.to_value()
}
