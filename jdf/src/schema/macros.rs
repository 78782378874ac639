//! The notation of the tables, expanded at compile time.
//!
//! An element: `Name: Kind 1.1 ..1.3 { attributes } [children]`, an attribute: `Name: Type(values) 1.1 ..1.3`, or
//! `Name ! Type` if it is required. Versions are first and last; they are left out when 1.0 and still valid.
//! Values are words, `=LIST` for a shared list, or `"quoted"` where they are not words. A child is followed by
//! `?` (at most one), `!` (exactly one), `+` (one or more) or `*` (any number).

macro_rules! version {
    () => {
        $crate::schema::Version::V1_0
    };
    ($version:literal) => {
        $crate::schema::Version::of(stringify!($version))
    };
}

macro_rules! last {
    () => {
        None
    };
    ($version:literal) => {
        Some($crate::schema::Version::of(stringify!($version)))
    };
}

macro_rules! required {
    (!) => {
        true
    };
    (:) => {
        false
    };
}

macro_rules! word {
    ($word:literal) => {
        $word
    };
    ($word:ident) => {
        stringify!($word)
    };
}

macro_rules! words {
    () => { &[] };
    (= $list:ident) => { $list };
    ($($word:tt)*) => { &[$(word!($word)),*] };
}

macro_rules! kind {
    (Plain) => {
        $crate::schema::Kind::Plain
    };
    (Link) => {
        $crate::schema::Kind::Link
    };
    (Ref) => {
        $crate::schema::Kind::Ref
    };
    (Bare) => {
        $crate::schema::Kind::Bare
    };
    (Element) => {
        $crate::schema::Kind::Element
    };
    (Part) => {
        $crate::schema::Kind::Part
    };
    (Audit) => {
        $crate::schema::Kind::Audit
    };
    (Message) => {
        $crate::schema::Kind::Message
    };
    (Span) => {
        $crate::schema::Kind::Span
    };
    (StringSpan) => {
        $crate::schema::Kind::StringSpan
    };
    (State) => {
        $crate::schema::Kind::State
    };
    (Evaluation) => {
        $crate::schema::Kind::Evaluation
    };
    ($class:ident) => {
        $crate::schema::Kind::Resource($crate::schema::ResourceClass::$class)
    };
}

macro_rules! child {
    ($name:ident ?) => {
        $crate::schema::ChildFacts {
            name: stringify!($name),
            min: 0,
            max: Some(1),
        }
    };
    ($name:ident !) => {
        $crate::schema::ChildFacts {
            name: stringify!($name),
            min: 1,
            max: Some(1),
        }
    };
    ($name:ident +) => {
        $crate::schema::ChildFacts {
            name: stringify!($name),
            min: 1,
            max: None,
        }
    };
    ($name:ident *) => {
        $crate::schema::ChildFacts {
            name: stringify!($name),
            min: 0,
            max: None,
        }
    };
}

macro_rules! attributes {
    ($($name:ident $need:tt $type:ident $(($($value:tt)*))? $($first:literal)? $(.. $last:literal)?),* $(,)?) => {
        &$crate::schema::tables::index::sorted_attributes([$($crate::schema::AttributeFacts {
            name: stringify!($name),
            data_type: $crate::schema::DataType::$type,
            required: required!($need),
            first: version!($($first)?),
            last: last!($($last)?),
            values: words!($($($value)*)?),
        }),*])
    };
}

macro_rules! elements {
    ($table:ident $($name:ident: $kind:ident $($first:literal)? $(.. $last:literal)?
        { $($attributes:tt)* } [$($child:ident $count:tt)*])*) => {
        pub(super) const $table: &[$crate::schema::ElementFacts] = &[$($crate::schema::ElementFacts {
            name: stringify!($name),
            kind: kind!($kind),
            first: version!($($first)?),
            last: last!($($last)?),
            attributes: attributes!($($attributes)*),
            children: &[$(child!($child $count)),*],
        }),*];
    };
}

/// Processes: `Name 1.1 { inputs } -> { outputs }`; a port is `Resource ?`, with `(ProcessUsage)` after its count.
macro_rules! processes {
    ($table:ident $($name:ident $($first:literal)? $(.. $last:literal)?
        { $($input:ident $in:tt $(($in_usage:ident))?),* } -> { $($output:ident $out:tt $(($out_usage:ident))?),* })*) => {
        pub(super) const $table: &[$crate::schema::ProcessFacts] = &[$($crate::schema::ProcessFacts {
            name: stringify!($name),
            inputs: &[$(port!($input $in $($in_usage)?)),*],
            outputs: &[$(port!($output $out $($out_usage)?)),*],
            first: version!($($first)?),
            last: last!($($last)?),
        }),*];
    };
}

macro_rules! port {
    ($name:ident ? $($usage:ident)?) => { port!(@ $name false false $($usage)?) };
    ($name:ident ! $($usage:ident)?) => { port!(@ $name true false $($usage)?) };
    ($name:ident + $($usage:ident)?) => { port!(@ $name true true $($usage)?) };
    ($name:ident * $($usage:ident)?) => { port!(@ $name false true $($usage)?) };
    (@ $name:ident $required:literal $multiple:literal) => {
        $crate::schema::Port { resource: stringify!($name), process_usage: None, required: $required, multiple: $multiple }
    };
    (@ $name:ident $required:literal $multiple:literal $usage:ident) => {
        $crate::schema::Port {
            resource: stringify!($name), process_usage: Some(stringify!($usage)), required: $required, multiple: $multiple,
        }
    };
}
