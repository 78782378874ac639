//! The names of things in an EPCIS document.
//!
//! A lot of a material with a GTIN is an LGTIN (`urn:epc:class:lgtin:…`), the plant with a GLN an SGLN, a container of the company's own
//! `urn:epc:id:sscc:…`; that of another company is a GS1 Digital Link, for which its prefix need not be known. Everything else has a private
//! name below `epcis.uri_base`: `<base>:lot:<lot id>`, `:plant:<code>`, `:location:<code>:<place>`, `:party:<name>`, `:job:<code>:<number>`,
//! `:order:<number>`, `:despatch:<reference>`; with slashes where the base is a URL.

use std::fmt::Write as _;

use agog_sync::lots::LotRef;
use agog_sync::sscc::{Sscc, check_digit};

use crate::config::Config;
use crate::ledger::{LedgerError, Reader};

/// The longest lot number of GS1 (application identifier 10).
const GS1_LOT_CHARS_MAX: usize = 20;

/// Digits of an SSCC that can be the same for all of a plant: three at least are for a running number, and the last is the
/// check digit.
const SSCC_SERIES_DIGITS_MAX: usize = 14;

/// What may stand in a lot number of GS1, beside letters and digits.
const GS1_LOT_SIGNS: &str = "!\"%&'()*+,-./:;<=>?_";

/// What of it a URN takes as it is.
const URN_SIGNS: &str = "!'()*+,-.:;=_";

/// The digits of a GTIN with 14 places; none when it is none.
pub(crate) fn gtin_14(gtin: &str) -> Option<String> {
    has_check_digit(gtin, &[8, 12, 13, 14]).then(|| format!("{gtin:0>14}"))
}

/// Whether a company prefix has a length that GS1 gives out.
pub(crate) fn is_company_prefix(prefix: &str) -> bool {
    (6..=12).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a GLN is one of a company.
pub(crate) fn is_gln_of(gln: &str, prefix: &str) -> bool {
    has_check_digit(gln, &[13]) && gln.starts_with(prefix)
}

/// Whether a GTIN is one of a company: its prefix comes after the indicator digit.
pub(crate) fn is_gtin_of(gtin: &str, prefix: &str) -> bool {
    gtin_14(gtin).is_some_and(|gtin| gtin[1..].starts_with(prefix))
}

fn has_check_digit(digits: &str, lengths: &[usize]) -> bool {
    if !lengths.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let (body, last) = digits.split_at(digits.len() - 1);
    last == check_digit(body).to_string()
}

/// Whether SSCCs of a company can begin so, with room for a running number.
pub(crate) fn is_sscc_prefix(series: &str, prefix: &str) -> bool {
    series.bytes().all(|byte| byte.is_ascii_digit())
        && series.len() <= SSCC_SERIES_DIGITS_MAX
        && series.get(1..).is_some_and(|rest| rest.starts_with(prefix))
}

/// Names in the words of one company.
pub(super) struct Names<'a> {
    config: &'a Config,
    reader: &'a Reader,
}

impl<'a> Names<'a> {
    pub(super) fn new(config: &'a Config, reader: &'a Reader) -> Self {
        Self { config, reader }
    }

    /// The class-level name of a lot.
    pub(super) fn lot(&self, lot: &LotRef) -> Result<String, LedgerError> {
        if let Some(prefix) = &self.config.epcis.company_prefix
            && self.config.materials.iter().any(|of| of.gtin.is_some())
            && let Some(code) = self.reader.material_of(lot.lot_id)?
            && let Some(gtin) = self.gtin(&code)
            && let Some(lgtin) = lgtin(prefix, &gtin, &lot.number)
        {
            return Ok(lgtin);
        }
        Ok(self.private(&["lot", &lot.lot_id.to_string()]))
    }

    fn gtin(&self, code: &str) -> Option<String> {
        let material = self.config.materials.iter().find(|of| of.code == code)?;
        gtin_14(material.gtin.as_ref()?)
    }

    pub(super) fn plant(&self) -> String {
        let epcis = &self.config.epcis;
        match (&epcis.company_prefix, &epcis.plant_gln) {
            (Some(prefix), Some(gln)) => {
                format!("urn:epc:id:sgln:{prefix}.{}.0", &gln[prefix.len()..12])
            }
            _ => self.private(&["plant", &self.config.agent.plant_code]),
        }
    }

    /// A container.
    pub(super) fn container(&self, sscc: Sscc) -> String {
        let digits = sscc.to_string();
        match &self.config.epcis.company_prefix {
            Some(prefix) if digits[1..].starts_with(prefix.as_str()) => {
                let serial = &digits[1 + prefix.len()..digits.len() - 1];
                format!("urn:epc:id:sscc:{prefix}.{}{serial}", &digits[..1])
            }
            _ => format!("https://id.gs1.org/00/{digits}"),
        }
    }

    /// A place in the plant.
    pub(super) fn location(&self, place: &str) -> String {
        self.private(&["location", &self.config.agent.plant_code, place])
    }

    /// A supplier or customer.
    pub(super) fn party(&self, name: &str) -> String {
        self.private(&["party", name])
    }

    pub(super) fn job(&self, number: &str) -> String {
        self.private(&["job", &self.config.agent.plant_code, number])
    }

    pub(super) fn order(&self, number: &str) -> String {
        self.private(&["order", number])
    }

    pub(super) fn despatch(&self, reference: &str) -> String {
        self.private(&["despatch", reference])
    }

    fn private(&self, segments: &[&str]) -> String {
        let base = self.config.epcis.uri_base.trim_end_matches(['/', ':']);
        let between = if base.starts_with("urn:") { ':' } else { '/' };
        let mut uri = base.to_owned();
        for segment in segments {
            uri.push(between);
            escape(&mut uri, segment, "-._~");
        }
        uri
    }
}

/// GTIN and lot as a URN; none where the lot's number is none that GS1 knows.
fn lgtin(prefix: &str, gtin: &str, number: &str) -> Option<String> {
    let fits = (1..=GS1_LOT_CHARS_MAX).contains(&number.len())
        && number
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || GS1_LOT_SIGNS.contains(char));
    let item = gtin.get(1 + prefix.len()..13)?;
    if !fits || !is_gtin_of(gtin, prefix) {
        return None;
    }
    let mut uri = format!("urn:epc:class:lgtin:{prefix}.{}{item}.", &gtin[..1]);
    escape(&mut uri, number, URN_SIGNS);
    Some(uri)
}

/// Writes letters, digits and `plain` as they are, and every other byte as `%XX`.
fn escape(uri: &mut String, text: &str, plain: &str) {
    for char in text.chars() {
        if char.is_ascii_alphanumeric() || plain.contains(char) {
            uri.push(char);
            continue;
        }
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gtin_has_its_check_digit_and_fourteen_places() {
        assert_eq!(gtin_14("4012345123456").as_deref(), Some("04012345123456"));
        assert_eq!(gtin_14("4012345123457"), None);
        assert_eq!(gtin_14("401234512345"), None);
        assert!(is_gtin_of("4012345123456", "4012345"));
        assert!(!is_gtin_of("4012345123456", "4012346"));
        assert!(is_gln_of("4012345000009", "4012345"));
    }

    #[test]
    fn a_lot_of_a_gtin_is_an_lgtin_unless_its_number_is_too_long_for_one() {
        assert_eq!(
            lgtin("4012345", "04012345123456", "LOT-2025/1").unwrap(),
            "urn:epc:class:lgtin:4012345.012345.LOT-2025%2F1"
        );
        assert_eq!(
            lgtin("4012345", "04012345123456", "A-NUMBER-OF-21-LETTERS"),
            None
        );
        assert_eq!(lgtin("4012345", "04012345123456", "Größe"), None);
    }
}
