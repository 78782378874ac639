//! Topics of Sparkplug B: `spBv1.0/<group>/<kind>/<node>[/<device>]`, and `spBv1.0/STATE/<host>`.

/// The first level of every topic.
pub(crate) const NAMESPACE: &str = "spBv1.0";

/// What a topic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic<'a> {
    /// Whether a host is there.
    State { host: &'a str },
    /// Something of an edge node, or of a device behind it.
    Edge {
        group: &'a str,
        node: &'a str,
        device: Option<&'a str>,
        kind: Kind,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Birth,
    Data,
    Death,
    /// To nodes and devices, so nothing for a host.
    Command,
}

impl<'a> Topic<'a> {
    pub(super) fn parse(topic: &'a str) -> Option<Self> {
        let mut levels = topic.strip_prefix(NAMESPACE)?.strip_prefix('/')?.split('/');
        let first = levels.next()?;
        let second = levels.next()?;
        if first == "STATE" {
            return Some(Self::State { host: second });
        }
        let node = levels.next().filter(|node| !node.is_empty())?;
        let device = levels.next();
        let (of, kind) = second.split_at_checked(1)?;
        let kind = match kind {
            "BIRTH" => Kind::Birth,
            "DATA" => Kind::Data,
            "DEATH" => Kind::Death,
            "CMD" => Kind::Command,
            _ => return None,
        };
        let fits = match of {
            "N" => device.is_none(),
            "D" => device.is_some_and(|device| !device.is_empty()),
            _ => false,
        };
        (fits && levels.next().is_none() && !first.is_empty()).then_some(Self::Edge {
            group: first,
            node,
            device,
            kind,
        })
    }
}

pub(super) fn state(host: &str) -> String {
    format!("{NAMESPACE}/STATE/{host}")
}

pub(super) fn node_command(group: &str, node: &str) -> String {
    format!("{NAMESPACE}/{group}/NCMD/{node}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_told_apart() {
        let edge = |kind, device| {
            Some(Topic::Edge {
                group: "G",
                node: "N",
                device,
                kind,
            })
        };
        let parse = Topic::parse;
        assert_eq!(parse("spBv1.0/G/NBIRTH/N"), edge(Kind::Birth, None));
        assert_eq!(parse("spBv1.0/G/DDATA/N/D"), edge(Kind::Data, Some("D")));
        assert_eq!(parse("spBv1.0/G/NCMD/N"), edge(Kind::Command, None));
        assert_eq!(parse("spBv1.0/STATE/h"), Some(Topic::State { host: "h" }));
        for wrong in [
            "spBv1.0/G/NBIRTH",
            "spBv1.0/G/NBIRTH/N/D",
            "spBv1.0/G/DBIRTH/N",
            "spBv1.0/G/XDATA/N",
            "spBv1.0/G/DDATA/N/D/E",
            "spAv1.0/G/NBIRTH/N",
            "spBv1.0/G/é/N",
            "spBv1.0",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
