//! `[epcis]`: how things are called in EPCIS documents.

use serde::Deserialize;

use super::Config;
use super::check::Problems;
use crate::export::{gtin_14, is_company_prefix, is_gln_of, is_gtin_of, is_sscc_prefix};

/// How things are called in EPCIS documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EpcisConfig {
    /// Before the names of everything that has none of GS1.
    pub uri_base: String,
    /// The company's prefix in its GTINs and GLNs.
    pub company_prefix: Option<String>,
    /// What the SSCCs begin with that this plant makes: the extension digit, the company's prefix, and digits of the serial
    /// reference by which its plants differ.
    pub sscc_prefix: Option<String>,
    /// The plant's location number.
    pub plant_gln: Option<String>,
}

impl Default for EpcisConfig {
    fn default() -> Self {
        Self {
            uri_base: "urn:agog".to_owned(),
            company_prefix: None,
            sscc_prefix: None,
            plant_gln: None,
        }
    }
}

pub(super) fn check(config: &Config, found: &mut Problems) {
    let epcis = &config.epcis;
    let base = &epcis.uri_base;
    found.add(
        !["https://", "http://", "urn:"]
            .iter()
            .any(|scheme| base.len() > scheme.len() && base.starts_with(scheme))
            || !base
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"'),
        "epcis.uri_base",
        "must be a URL of the company's own, or a URN",
    );
    let prefix = epcis.company_prefix.as_deref();
    found.add(
        prefix.is_some_and(|prefix| !is_company_prefix(prefix)),
        "epcis.company_prefix",
        "must have 6 to 12 digits",
    );
    if let Some(gln) = &epcis.plant_gln {
        found.add(
            !prefix.is_some_and(|prefix| is_gln_of(gln, prefix)),
            "epcis.plant_gln",
            "must have 13 digits, begin with `epcis.company_prefix` and end with its check digit",
        );
    }
    if let Some(series) = &epcis.sscc_prefix {
        found.add(
            !prefix.is_some_and(|prefix| is_sscc_prefix(series, prefix)),
            "epcis.sscc_prefix",
            "must be an extension digit, `epcis.company_prefix`, and digits that leave 3 or more of the 17 for a running number",
        );
    }
    for (index, material) in config.materials.iter().enumerate() {
        let Some(gtin) = &material.gtin else { continue };
        found.add(
            gtin_14(gtin).is_none() || !prefix.is_some_and(|prefix| is_gtin_of(gtin, prefix)),
            format!("material[{index}].gtin"),
            "must have 8, 12, 13 or 14 digits with the check digit, and be of `epcis.company_prefix`",
        );
    }
}
