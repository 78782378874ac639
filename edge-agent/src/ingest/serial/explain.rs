//! A port in words, for `check`.

use crate::config::{
    CounterConfig, FlowControl, Framing, Parity, ScaleFormat, SerialConfig, SerialKind,
};

/// What would be done with a port.
pub(crate) fn explain(config: &SerialConfig) -> String {
    let device = config.device();
    let what = match config.kind {
        SerialKind::Scanner => format!("scanner {device}: every line is a scan"),
        SerialKind::Scale => scale(config, device),
        SerialKind::Counter => {
            let counters: Vec<_> = config.counters.iter().map(counter).collect();
            format!("counter {device}: {}", counters.join("; "))
        }
    };
    let poll = config.poll.as_ref().map_or_else(String::new, |poll| {
        format!("; asked with {:?} every {} ms", poll.command, poll.every_ms)
    });
    let silent = config.silent_s().map_or_else(String::new, |seconds| {
        format!("; away when nothing comes for {seconds} s")
    });
    format!(
        "serial port {} at {}, {}, {}: {what}{poll}{silent}",
        config.name,
        config.path.display(),
        line(config),
        framing(config)
    )
}

/// `9600 8N1`.
fn line(config: &SerialConfig) -> String {
    let parity = match config.parity {
        Parity::None => 'N',
        Parity::Odd => 'O',
        Parity::Even => 'E',
    };
    let flow = match config.flow_control {
        FlowControl::None => "",
        FlowControl::Hardware => " RTS/CTS",
        FlowControl::Software => " XON/XOFF",
    };
    format!(
        "{} {}{parity}{}{flow}",
        config.baud, config.data_bits, config.stop_bits
    )
}

fn framing(config: &SerialConfig) -> &'static str {
    let scale = config.scale.as_ref();
    match config.framing {
        _ if scale.is_some_and(|scale| scale.format == ScaleFormat::MtContinuous) => {
            "lines from STX to CR"
        }
        Framing::Line => "lines end with CR, LF or both",
        Framing::Cr => "lines end with CR",
        Framing::Lf => "lines end with LF",
        Framing::Crlf => "lines end with CR and LF",
        Framing::StxEtx => "lines from STX to ETX",
    }
}

fn scale(config: &SerialConfig, device: &str) -> String {
    let Some(scale) = &config.scale else {
        return format!("scale {device}");
    };
    let format = match scale.format {
        ScaleFormat::Sics => "SICS",
        ScaleFormat::MtContinuous => "Mettler Toledo continuous output",
        ScaleFormat::Sbi => "Sartorius SBI",
        ScaleFormat::And => "A&D",
        ScaleFormat::Plain => "plain numbers",
    };
    let which = if scale.stable_only {
        "stable weights"
    } else {
        "all weights"
    };
    format!(
        "scale {device} writes {format}; {which} are metric {} in kg",
        scale.metric
    )
}

fn counter(config: &CounterConfig) -> String {
    let place = match (&config.prefix, config.column) {
        (None, None) => "the line".to_owned(),
        (None, Some(column)) => format!("column {column}"),
        (Some(prefix), None) => format!("what follows {prefix:?}"),
        (Some(prefix), Some(column)) => format!("column {column} behind {prefix:?}"),
    };
    let unit = config.unit.as_deref().unwrap_or("no unit");
    let times = config
        .scale
        .map_or_else(String::new, |scale| format!(", times {scale}"));
    format!("metric {} is {place} ({unit}{times})", config.metric)
}
