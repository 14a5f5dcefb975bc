//! What is told while distributions are looked for, as records of the run.

use std::sync::Arc;

use buildout_core::event::{ENGINE_LOGGER, Event, EventSink, Level, LogRecord};
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::recipe::PartRun;
use buildout_eggs::log::{Log, Logger};

/// Passes records on to the events of a run.
pub(super) struct EventLog {
    events: Arc<dyn EventSink>,
    cancellation: CancellationToken,
}

impl EventLog {
    pub(super) fn of(run: &PartRun<'_>) -> Arc<dyn Log> {
        let services = run.services();
        Arc::new(EventLog {
            events: Arc::clone(&services.events),
            cancellation: services.cancellation.clone(),
        })
    }
}

impl Log for EventLog {
    fn log(&self, logger: Logger, level: Level, message: String) {
        let logger = match logger {
            Logger::EasyInstall => ENGINE_LOGGER,
            Logger::Root => "root",
        };
        self.events.emit(Event::Log(LogRecord {
            level,
            logger: Arc::from(logger),
            message,
        }));
    }

    fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }
}
