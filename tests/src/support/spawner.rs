//! The thread that starts every child process.
//!
//! The kernel's "kill me when my parent dies" looks at the parent *thread*, and the threads of a test or of the
//! async runtime come and go. So all children are started by one thread that lives as long as the process.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

struct Order {
    command: Command,
    reply: SyncSender<io::Result<Child>>,
}

/// Starts `command` as a child of the thread that never ends.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<SyncSender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        // No queue: whoever starts a process waits for it anyway.
        let (sender, receiver) = sync_channel::<Order>(0);
        thread::spawn(move || {
            for mut order in receiver {
                // The asker waits for the reply, so it takes it.
                let _ = order.reply.send(order.command.spawn());
            }
        });
        sender
    });
    let gone = || io::Error::other("the thread that starts processes is gone");
    let (reply, answer) = sync_channel(1);
    orders.send(Order { command, reply }).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}
