//! Opening a port, and why it could not be, in words for people.

use std::io::{self, ErrorKind};
use std::path::Path;

use tokio_serial::{
    DataBits, FlowControl, Parity, SerialPort as _, SerialPortBuilderExt as _, SerialStream,
    StopBits,
};

use crate::config::{self, SerialConfig};

/// Opens the port for this process alone and forgets what came before. Blocking: adapters may take their time.
fn open_now(config: &SerialConfig) -> Result<SerialStream, tokio_serial::Error> {
    let port = tokio_serial::new(config.path.to_string_lossy(), config.baud)
        .data_bits(match config.data_bits {
            5 => DataBits::Five,
            6 => DataBits::Six,
            7 => DataBits::Seven,
            _ => DataBits::Eight,
        })
        .parity(match config.parity {
            config::Parity::None => Parity::None,
            config::Parity::Odd => Parity::Odd,
            config::Parity::Even => Parity::Even,
        })
        .stop_bits(match config.stop_bits {
            2 => StopBits::Two,
            _ => StopBits::One,
        })
        .flow_control(match config.flow_control {
            config::FlowControl::None => FlowControl::None,
            config::FlowControl::Hardware => FlowControl::Hardware,
            config::FlowControl::Software => FlowControl::Software,
        });
    let stream = port.open_native_async()?;
    stream.clear(tokio_serial::ClearBuffer::Input)?;
    Ok(stream)
}

/// As [`open_now`], off the runtime's threads.
pub(super) async fn open(config: &SerialConfig) -> Result<SerialStream, String> {
    let config = config.clone();
    let path = config.path.clone();
    match tokio::task::spawn_blocking(move || open_now(&config)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(opening_words(&path, &error)),
        Err(panic) => Err(panic.to_string()),
    }
}

fn opening_words(path: &Path, error: &tokio_serial::Error) -> String {
    let kind = match error.kind() {
        tokio_serial::ErrorKind::Io(kind) => Some(kind),
        tokio_serial::ErrorKind::NoDevice if !path.exists() => Some(ErrorKind::NotFound),
        _ => None,
    };
    let path = path.display();
    match kind {
        Some(ErrorKind::NotFound) => format!("`{path}` is not there; is it plugged in?"),
        Some(ErrorKind::PermissionDenied) => {
            format!("`{path}` may not be opened; put the user of the agent into the group dialout")
        }
        _ => format!("`{path}` cannot be opened: {error}"),
    }
}

/// Why an open port is of no use any more. An unplugged adapter reads as the end of a file or as an error.
pub(super) fn lost_words(result: &io::Result<usize>) -> String {
    match result {
        Ok(_) => "it was unplugged".to_owned(),
        // EIO, which is what unplugging looks like on most adapters.
        Err(error) if error.raw_os_error() == Some(5) => "it was unplugged".to_owned(),
        Err(error) => format!("it cannot be read: {error}"),
    }
}

/// For `check`, which opens nothing: what is wrong with the path now.
pub(crate) fn problem(path: &Path) -> Option<&'static str> {
    match std::fs::metadata(path) {
        Err(_) => Some("is not there now; is it plugged in?"),
        Ok(found) => {
            use std::os::unix::fs::FileTypeExt as _;
            (!found.file_type().is_char_device()).then_some("is no serial port")
        }
    }
}
