//! Messages: whether their types are those of JMF, with what they need, and whether answers can be understood.

use super::{Check, detail, rules, shown};
use crate::jmf::ReturnCode;
use crate::value::parse_integer;
use crate::view::ElementRef;

/// A type of message: its families (Query, Command, Signal, Registration), and of each family the elements of which it
/// needs one.
struct TypeFacts {
    name: &'static str,
    families: &'static str,
    needs: &'static [(&'static str, &'static [&'static str])],
}

macro_rules! messages {
    ($($name:ident $families:ident { $($family:ident needs $($element:ident)|+;)* })+) => {
        &[$(TypeFacts {
            name: stringify!($name),
            families: stringify!($families),
            needs: &[$((stringify!($family), &[$(stringify!($element)),+])),*],
        }),+]
    };
}

/// JDF 1.5, Messaging. Families by their first letters.
const TYPES: &[TypeFacts] = messages! {
    AbortQueueEntry C { Command needs QueueEntryDef | AbortQueueEntryParams; }
    CloseQueue C {}
    Events QS {}
    FlushQueue QCS { Signal needs Queue; }
    FlushResources QCS {}
    ForceGang QC {}
    GangStatus QS {}
    HoldQueue C {}
    HoldQueueEntry C { Command needs QueueEntryDef | HoldQueueEntryParams; }
    KnownControllers QS {}
    KnownDevices QS {}
    KnownJDFServices QS {}
    KnownMessages QS {}
    KnownSubscriptions QS {}
    ModifyNode CS { Command needs ModifyNodeCmdParams; }
    NewJDF QCS { Command needs NewJDFCmdParams; Query needs NewJDFQuParams; }
    NodeInfo QCS {}
    Notification QS { Signal needs Notification; }
    Occupation QS {}
    OpenQueue C {}
    PipeClose C { Command needs PipeParams; }
    PipePause C { Command needs PipeParams; }
    PipePull CR { Command needs PipeParams; Registration needs PipeParams; }
    PipePush CR { Command needs PipeParams; Registration needs PipeParams; }
    QueueEntryStatus QS { Query needs QueueEntryDefList | QueueEntryDef; }
    QueueStatus QS { Signal needs Queue; }
    RemoveQueueEntry C { Command needs QueueEntryDef | RemoveQueueEntryParams; }
    RepeatMessages Q {}
    RequestForAuthentication QCS { Command needs AuthenticationCmdParams; Query needs AuthenticationQuParams; }
    RequestQueueEntry C { Command needs RequestQueueEntryParams; }
    Resource QCSR { Command needs ResourceCmdParams; Registration needs ResourceCmdParams; }
    ResourcePull CR { Command needs ResourcePullParams; Registration needs ResourcePullParams; }
    ResubmitQueueEntry C { Command needs ResubmissionParams; }
    ResumeQueue C {}
    ResumeQueueEntry C { Command needs QueueEntryDef | ResumeQueueEntryParams; }
    ReturnQueueEntry C { Command needs ReturnQueueEntryParams; }
    SetQueueEntryPosition C { Command needs QueueEntryPosParams; }
    SetQueueEntryPriority C { Command needs QueueEntryPriParams; }
    ShutDown CS {}
    Status QS { Query needs StatusQuParams; Signal needs DeviceInfo; }
    StopPersistentChannel C { Command needs StopPersChParams; }
    SubmissionMethods Q {}
    SubmitQueueEntry C { Command needs QueueSubmissionParams; }
    SuspendQueueEntry C { Command needs QueueEntryDef | SuspendQueueEntryParams; }
    Track QS {}
    UpdateJDF CS { Command needs UpdateJDFCmdParams; }
    WakeUp CS {}
};

pub(super) fn check(check: &mut Check<'_>) {
    let root = check.document.root();
    // Tickets carry messages as well: those that a device is to send (`NodeInfo/JMF`).
    let carriers = std::iter::once(root).chain(root.descendants());
    for jmf in carriers.filter(|element| element.is_jdf("JMF")) {
        for message in jmf.children().filter(|child| child.is_of_jdf()) {
            one(message, check);
        }
    }
}

fn one<'d>(message: ElementRef<'d>, check: &mut Check<'d>) {
    let family = message.local_name();
    let is_answer = matches!(family, "Response" | "Acknowledge");
    if !is_answer && !matches!(family, "Query" | "Command" | "Signal" | "Registration") {
        return;
    }
    if let Some(name) = message.attribute("Type").map(str::trim) {
        of_type(message, name, check);
    }
    if is_answer {
        answer(message, check);
    }
    if let Some(subscription) = message.child("Subscription")
        && subscription.attribute("URL").is_none()
    {
        let message = "the subscription has no `URL`".to_owned();
        let rule = rules::SUBSCRIPTION_URL_MISSING;
        let finding = check.report(rule, subscription, None, message);
        detail(finding, "no `URL`", "where signals are to be sent");
    }
}

fn of_type<'d>(message: ElementRef<'d>, name: &str, check: &mut Check<'d>) {
    let family = message.local_name();
    let Ok(index) = TYPES.binary_search_by(|facts| facts.name.cmp(name)) else {
        if !name.contains(':') {
            let text = format!("`{}` is no type of message of JMF 1.5", shown(name));
            let finding = check.report(rules::MESSAGE_TYPE_UNKNOWN, message, Some("Type"), text);
            detail(
                finding,
                shown(name),
                "a type of JMF, or a vendor's own with a prefix",
            );
        }
        return;
    };
    let facts = &TYPES[index];
    // Every type is answered; the others say in which family they come.
    let is_of_family = matches!(family, "Response" | "Acknowledge")
        || family.starts_with(|letter| facts.families.contains(letter));
    if !is_of_family {
        let text = format!("JMF has no {family} `{name}`");
        let finding = check.report(rules::MESSAGE_FAMILY, message, Some("Type"), text);
        let families = facts.families.chars().map(|letter| match letter {
            'Q' => "Query",
            'C' => "Command",
            'S' => "Signal",
            _ => "Registration",
        });
        let families: Vec<&str> = families.collect();
        detail(finding, family, families.join(" or "));
    }
    for (of_family, elements) in facts.needs {
        if *of_family == family && !elements.iter().any(|name| message.child(name).is_some()) {
            let needed = elements.join("` or `");
            let text = format!("the {family} `{name}` has no `{needed}`");
            let finding = check.report(rules::MESSAGE_PARAMETERS_MISSING, message, None, text);
            detail(finding, "nothing", format!("`{needed}`"));
        }
    }
}

fn answer<'d>(message: ElementRef<'d>, check: &mut Check<'d>) {
    let family = message.local_name();
    if message.attribute("refID").is_none() {
        let text = format!("the {family} does not say which message it answers");
        let rule = rules::MESSAGE_REFERENCE_MISSING;
        let finding = check.report(rule, message, None, text);
        detail(
            finding,
            "no `refID`",
            "the `ID` of the message that is answered",
        );
    }
    let code = message.attribute("ReturnCode").and_then(parse_integer);
    let Some(code) = code.map(ReturnCode) else {
        return;
    };
    if code.meaning().is_none() {
        let text = format!("{} is no return code of the specification", code.number());
        let rule = rules::RETURN_CODE_UNKNOWN;
        let finding = check.report(rule, message, Some("ReturnCode"), text);
        detail(finding, code.number().to_string(), "a code such as 0 or 5");
    }
    if !code.is_processed() && message.child("Notification").is_none() {
        let text = format!("the {family} refuses and does not say why");
        let rule = rules::RETURN_CODE_UNEXPLAINED;
        let finding = check.report(rule, message, Some("ReturnCode"), text);
        detail(
            finding,
            code.to_string(),
            "a `Notification` with the reason",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::TYPES;

    #[test]
    fn types_are_sorted_for_the_search() {
        assert!(TYPES.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
