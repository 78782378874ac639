//! Text → elements.

use agog_sync::quantity::Unit;
use agog_sync::sscc::check_digit;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::date::{date, date_time};
use super::table::{self, Data, Measure, Rule};
use super::{Element, GS, Gs1Error, Value};

/// Symbology identifiers behind which an element string stands (GS1 General Specifications 5.1.2). `]d3` is none: FNC1 in second
/// position is for codes of AIM.
const GS1_SYMBOLOGIES: [&str; 7] = ["]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"];
/// Characters of an identifier: a bracket, the symbology, how it was read.
const SYMBOLOGY_CHARS: usize = 3;
/// Signs beside letters and digits that data may have (GS1 General Specifications 7.11, character set 82).
const SIGNS: &str = "!\"%&'()*+,-./:;<=>?_";
/// The number of a component or part: the one AI that may have `#` (GS1 General Specifications 7.11, character set 39).
const COMPONENT: &str = "8010";

/// What a text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// What the scanner says that it has read, for example `]C1`.
    pub symbology: Option<&'a str>,
    /// The text behind that.
    pub text: &'a str,
    /// None: no barcode of GS1.
    pub elements: Option<Vec<Element>>,
}

/// Reads what a scanner sent, or somebody typed, on the day `today`. Without a symbology identifier, a separator or brackets it is
/// taken as an element string only when it begins with an SSCC or GTIN whose check digit is right: `10AB` may be anything.
pub fn read(scanned: &str, today: Date) -> Result<Scanned<'_>, Gs1Error> {
    let (symbology, text) = split_symbology(scanned);
    let mut reading = Reading {
        at: symbology.map_or(1, |identifier| identifier.chars().count() + 1),
        today,
        elements: Vec::new(),
    };
    let is_marked = symbology.is_some_and(|it| GS1_SYMBOLOGIES.contains(&it));
    let found = |elements| Scanned {
        symbology,
        text,
        elements,
    };
    if let Some(gtin) = retail(symbology, text) {
        // The zeros that make it a GTIN of fourteen digits are not in the text.
        let at = (reading.at + text.len()).saturating_sub(gtin.len());
        let data = reading.element("01", &gtin, at)?;
        return Ok(found(Some(vec![data])));
    }
    if symbology.is_some() && !is_marked {
        return Ok(found(None));
    }
    if is_bracketed(text) {
        reading.bracketed(text)?;
    } else if is_marked || text.contains(GS) || begins_with_a_key(text) {
        reading.coded(text)?;
    } else {
        return Ok(found(None));
    }
    Ok(found(Some(reading.elements)))
}

fn split_symbology(scanned: &str) -> (Option<&str>, &str) {
    let is_identifier = |head: &&str| {
        let mut chars = head.chars();
        chars.next() == Some(']')
            && chars.next().is_some_and(|char| char.is_ascii_alphabetic())
            && chars
                .next()
                .is_some_and(|char| char.is_ascii_alphanumeric())
    };
    match scanned.get(..SYMBOLOGY_CHARS).filter(is_identifier) {
        Some(head) => (
            Some(head),
            scanned.get(SYMBOLOGY_CHARS..).unwrap_or_default(),
        ),
        None => (None, scanned),
    }
}

/// EAN and ITF barcodes are a GTIN and nothing else.
fn retail(symbology: Option<&str>, text: &str) -> Option<String> {
    let digits = match symbology? {
        "]E0" => 13,
        "]E4" => 8,
        "]I1" => 14,
        _ => return None,
    };
    let is_whole = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_whole.then(|| format!("{text:0>14}"))
}

fn is_bracketed(text: &str) -> bool {
    bracketed_ai(text).is_some()
}

/// The AI in brackets at the beginning of a text, and what follows it.
fn bracketed_ai(text: &str) -> Option<(&str, &str)> {
    let (ai, rest) = text.strip_prefix('(')?.split_once(')')?;
    (table::ai_of(ai) == Some(ai)).then_some((ai, rest))
}

fn begins_with_a_key(text: &str) -> bool {
    let digits = match text.get(..2) {
        Some("00") => 18,
        Some("01" | "02") => 14,
        _ => return false,
    };
    text.get(2..2 + digits).is_some_and(has_check_digit)
}

fn has_check_digit(digits: &str) -> bool {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let Some((body, last)) = digits.split_at_checked(digits.len().saturating_sub(1)) else {
        return false;
    };
    is_number && last == check_digit(body).to_string()
}

struct Reading {
    /// Where we are, counted in characters from 1.
    at: usize,
    today: Date,
    elements: Vec<Element>,
}

impl Reading {
    /// `0104012345123456` `10AB-12␝` …
    fn coded(&mut self, text: &str) -> Result<(), Gs1Error> {
        let mut rest = self.skip_separators(text);
        while !rest.is_empty() {
            let ai = table::ai_of(rest).ok_or_else(|| self.no_ai(rest))?;
            let behind = rest.get(ai.len()..).unwrap_or_default();
            let until_separator = behind.split(GS).next().unwrap_or_default();
            // Data of a predefined length is followed by the next AI; a separator is no harm.
            let data = match table::predefined(ai) {
                Some(digits) => head(until_separator, digits),
                None => until_separator,
            };
            self.take(ai, data, self.at + ai.len())?;
            self.at += ai.len() + data.chars().count();
            rest = self.skip_separators(behind.get(data.len()..).unwrap_or_default());
        }
        self.not_empty()
    }

    /// `(01)04012345123456(10)AB-12`. Data that has brackets with an AI in them cannot be told from the next element.
    fn bracketed(&mut self, text: &str) -> Result<(), Gs1Error> {
        let mut rest = text;
        while !rest.is_empty() {
            let (ai, behind) = bracketed_ai(rest).ok_or_else(|| self.no_ai(rest))?;
            let ends = behind.match_indices('(').map(|(end, _)| end);
            let mut ends =
                ends.filter(|end| bracketed_ai(behind.get(*end..).unwrap_or_default()).is_some());
            let (data, after) = behind.split_at(ends.next().unwrap_or(behind.len()));
            let trimmed = data.trim();
            self.take(ai, trimmed, self.at + ai.len() + 2)?;
            self.at += ai.len() + 2 + data.chars().count();
            rest = after;
        }
        self.not_empty()
    }

    fn skip_separators<'a>(&mut self, text: &'a str) -> &'a str {
        let rest = text.trim_start_matches(GS);
        self.at += text.len() - rest.len();
        rest
    }

    fn not_empty(&self) -> Result<(), Gs1Error> {
        if self.elements.is_empty() {
            return Err(self.no_ai(""));
        }
        Ok(())
    }

    fn no_ai(&self, rest: &str) -> Gs1Error {
        Gs1Error::NoAi {
            at: self.at,
            found: head(rest, 4).to_owned(),
        }
    }

    fn take(&mut self, ai: &str, data: &str, at: usize) -> Result<(), Gs1Error> {
        let element = self.element(ai, data, at)?;
        let same = self.elements.iter().find(|other| other.ai == element.ai);
        if same.is_some_and(|other| other.data != element.data) {
            return Err(Gs1Error::Twice { ai: element.ai, at });
        }
        if same.is_none() {
            self.elements.push(element);
        }
        Ok(())
    }

    /// `at` is where the data begins.
    fn element(&self, ai: &str, data: &str, at: usize) -> Result<Element, Gs1Error> {
        let rule = table::rule(ai);
        checked(ai, data, rule, at)?;
        Ok(Element {
            ai: ai.to_owned(),
            name: rule.name.to_owned(),
            data: data.to_owned(),
            value: self.value(ai, data, rule, at)?,
        })
    }

    fn value(&self, ai: &str, data: &str, rule: Rule, at: usize) -> Result<Value, Gs1Error> {
        let text = || Value::Text(data.to_owned());
        let no_date = || Gs1Error::NotADate {
            ai: ai.to_owned(),
            at,
            found: data.to_owned(),
        };
        Ok(match rule.data {
            Data::Sscc => data.parse().map_or_else(|_| text(), Value::Sscc),
            Data::Gtin => Value::Gtin(data.to_owned()),
            Data::Date => Value::Date(date(data, self.today).ok_or_else(no_date)?),
            Data::DateTime => Value::DateTime(date_time(data, self.today).ok_or_else(no_date)?),
            Data::Count(_) => data.parse().map_or_else(|_| text(), Value::Count),
            Data::Measure(what) => measure(ai, data, what).unwrap_or_else(text),
            Data::Gln | Data::Digits(_) | Data::Text(_) => text(),
        })
    }
}

/// Length, characters and check digit.
fn checked(ai: &str, data: &str, rule: Rule, at: usize) -> Result<(), Gs1Error> {
    let is_sign = |char: char| SIGNS.contains(char) || (ai == COMPONENT && char == '#');
    let ai = || ai.to_owned();
    if data.is_empty() {
        return Err(Gs1Error::Empty { ai: ai(), at });
    }
    for (place, char) in data.chars().enumerate() {
        let at = at + place;
        if !rule.data.is_text() && !char.is_ascii_digit() {
            return Err(Gs1Error::NotADigit {
                ai: ai(),
                at,
                found: char,
            });
        }
        if !char.is_ascii_alphanumeric() && !is_sign(char) {
            return Err(Gs1Error::Character {
                ai: ai(),
                at,
                found: char,
            });
        }
    }
    // From here on a character is a byte.
    let length = rule.data.length();
    let is_half_a_time = rule.data == Data::DateTime && data.len() % 2 == 1;
    if !length.contains(&data.len()) || is_half_a_time {
        let expected = match (length.start(), length.end()) {
            (_, _) if rule.data == Data::DateTime => "8, 10 or 12".to_owned(),
            (1, max) => format!("at most {max}"),
            (_, exactly) => exactly.to_string(),
        };
        return Err(Gs1Error::Length {
            ai: ai(),
            at,
            found: data.len(),
            expected,
        });
    }
    if matches!(rule.data, Data::Sscc | Data::Gtin | Data::Gln) && !has_check_digit(data) {
        return Err(Gs1Error::CheckDigit {
            ai: ai(),
            at: at + data.len() - 1,
            found: data.chars().next_back().unwrap_or_default(),
            expected: check_digit(head(data, data.len() - 1)),
        });
    }
    Ok(())
}

fn measure(ai: &str, data: &str, what: Measure) -> Option<Value> {
    let decimals: u32 = ai.get(3..)?.parse().ok()?;
    let digits: i64 = data.parse().ok()?;
    let amount = Decimal::new(digits, decimals);
    let (amount, unit) = match what {
        Measure::Kilograms => (amount, Some(Unit::Kilogram)),
        Measure::Metres => (amount, Some(Unit::Metre)),
        Measure::SquareMetres => (amount, Some(Unit::SquareMetre)),
        Measure::Litres => (amount, Some(Unit::Litre)),
        Measure::CubicMetres => (amount * Decimal::ONE_THOUSAND, Some(Unit::Litre)),
        Measure::Other => (amount, None),
    };
    Some(Value::Measure {
        amount: amount.normalize(),
        unit,
    })
}

/// At most so many characters from the beginning.
fn head(text: &str, chars: usize) -> &str {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}
