//! Application identifiers: how many digits they have, how long their data is, and what it is (GS1 General Specifications 3.2 and
//! 7.8.5, figure of predefined lengths).

/// The longest data of an AI.
pub(super) const DATA_CHARS_MAX: usize = 90;

/// What stands behind an AI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) data: Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    /// Eighteen digits, the last a check digit.
    Sscc,
    /// Fourteen digits, the last a check digit.
    Gtin,
    /// Thirteen digits, the last a check digit.
    Gln,
    /// YYMMDD.
    Date,
    /// YYMMDDHH, and MM and SS where they are said.
    DateTime,
    /// A number of pieces, of at most so many digits.
    Count(usize),
    /// Six digits; the last digit of the AI is the number of decimals.
    Measure(Measure),
    /// So many digits.
    Digits(usize),
    /// At most so many characters.
    Text(usize),
}

/// What a measure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Kilograms,
    Metres,
    SquareMetres,
    Litres,
    CubicMetres,
    /// Pounds, inches and others that the ledger has no unit for.
    Other,
}

/// The AI at the beginning of a text; none when GS1 gives out none that begins so.
pub(super) fn ai_of(text: &str) -> Option<&str> {
    let digits = match first_two(text)? {
        0..=4 | 10..=22 | 30 | 37 | 90..=99 => 2,
        23..=25 | 40..=42 | 71 => 3,
        31..=36 | 39 | 43 | 70 | 72 | 80..=82 => 4,
        _ => return None,
    };
    let ai = text.get(..digits)?;
    ai.bytes().all(|byte| byte.is_ascii_digit()).then_some(ai)
}

/// How many digits the data has of AIs that no separator follows, whether we know more of them or not.
pub(super) fn predefined(ai: &str) -> Option<usize> {
    Some(match first_two(ai)? {
        0 => 18,
        1..=3 => 14,
        4 => 16,
        11..=19 | 31..=36 => 6,
        20 => 2,
        41 => 13,
        _ => return None,
    })
}

/// What is known of an AI.
pub(super) fn rule(ai: &str) -> Rule {
    let known = |name, data| Rule { name, data };
    let text = |name, chars_max| known(name, Data::Text(chars_max));
    let measure = |name, what| known(name, Data::Measure(what));
    match ai {
        "00" => known("sscc", Data::Sscc),
        "01" => known("gtin", Data::Gtin),
        "02" => known("content", Data::Gtin),
        "03" => known("gtin-made-to-order", Data::Gtin),
        "10" => text("batch-lot", 20),
        "11" => known("production-date", Data::Date),
        "12" => known("due-date", Data::Date),
        "13" => known("packaging-date", Data::Date),
        "15" => known("best-before", Data::Date),
        "16" => known("sell-by", Data::Date),
        "17" => known("expiry", Data::Date),
        "20" => known("variant", Data::Digits(2)),
        "21" => text("serial", 20),
        "22" => text("consumer-variant", 20),
        "240" => text("additional-id", 30),
        "241" => text("customer-part-number", 30),
        "30" => known("variable-count", Data::Count(8)),
        "37" => known("count", Data::Count(8)),
        "400" => text("customer-order", 30),
        "410" | "411" | "412" | "413" | "414" | "415" | "416" | "417" => known("gln", Data::Gln),
        "8008" => known("production-time", Data::DateTime),
        _ => match ai.get(..3).filter(|_| ai.len() == 4) {
            Some("310") => measure("net-weight", Measure::Kilograms),
            Some("311") => measure("length", Measure::Metres),
            Some("312") => measure("width", Measure::Metres),
            Some("313") => measure("height", Measure::Metres),
            Some("314") => measure("area", Measure::SquareMetres),
            Some("315") => measure("net-volume", Measure::Litres),
            Some("316") => measure("net-volume", Measure::CubicMetres),
            Some("330") => measure("gross-weight", Measure::Kilograms),
            Some("331") => measure("gross-length", Measure::Metres),
            Some("332") => measure("gross-width", Measure::Metres),
            Some("333") => measure("gross-height", Measure::Metres),
            Some("334") => measure("gross-area", Measure::SquareMetres),
            Some("335") => measure("gross-volume", Measure::Litres),
            Some("336") => measure("gross-volume", Measure::CubicMetres),
            Some("337") => measure("kg-per-m2", Measure::Other),
            Some(_) if matches!(first_two(ai), Some(32 | 34..=36)) => {
                measure("measure", Measure::Other)
            }
            _ => known(
                "unknown",
                match predefined(ai) {
                    Some(digits) => Data::Digits(digits),
                    None => Data::Text(DATA_CHARS_MAX),
                },
            ),
        },
    }
}

fn first_two(text: &str) -> Option<u8> {
    let two = text.get(..2)?;
    two.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| two.parse().ok())?
}

impl Data {
    /// How many characters there may be.
    pub(super) const fn length(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Sscc => 18..=18,
            Self::Gtin => 14..=14,
            Self::Gln => 13..=13,
            Self::Date | Self::Measure(_) => 6..=6,
            Self::DateTime => 8..=12,
            Self::Count(max) | Self::Text(max) => 1..=max,
            Self::Digits(count) => count..=count,
        }
    }

    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }
}
