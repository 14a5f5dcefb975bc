//! Everything that reports a run: the log, plain or in a terminal view, the
//! events, the trace and the summary.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::event::{Event, EventSink, Level, Timeline};

use crate::arguments::{Arguments, Progress};
use crate::clock::Clock;
use crate::events_file::EventsFile;
use crate::log::PlainLog;
use crate::summary::{SUMMED_UP_FROM, summary};
use crate::surroundings::Surroundings;
use crate::terminal::{Screen, Style, TerminalView, frame};
use crate::trace::trace;
use crate::{Stop, Streams};

/// The environment variable with the meaning of `--progress`.
const PROGRESS_VARIABLE: &str = "BUILDOUT_PROGRESS";

/// What `--events` takes for standard output.
const STANDARD_OUTPUT: &str = "-";

/// The width of the summary where there is no terminal.
const LOG_COLUMNS: usize = 100;

/// The reports of a run, from its beginning to its end.
pub(crate) struct Reporting<'a> {
    streams: &'a Streams,
    surroundings: &'a Surroundings,
    progress: Progress,
    clock: Clock,
    timeline: Arc<Mutex<Timeline>>,
    log: Arc<PlainLog>,
    screen: Option<Arc<Screen>>,
    events: Option<(String, Arc<EventsFile>)>,
    trace: Option<(String, File)>,
    /// Whether stdout carries the events, so that all else goes to stderr.
    document: bool,
    sink: Arc<dyn EventSink>,
}

impl<'a> Reporting<'a> {
    /// Opens what `arguments` ask for.
    ///
    /// # Errors
    ///
    /// A file cannot be made.
    pub(crate) fn begin(
        arguments: &Arguments,
        surroundings: &'a Surroundings,
        streams: &'a Streams,
    ) -> Result<Self, Stop> {
        let progress = match arguments.progress {
            Some(progress) => progress,
            None => progress_variable(surroundings)?,
        };
        let clock = Clock::start();
        let timeline = Arc::new(Mutex::new(Timeline::default()));
        let mut sinks: Vec<Arc<dyn EventSink>> = Vec::new();
        let document = arguments.events.as_deref() == Some(STANDARD_OUTPUT);
        let events = match &arguments.events {
            None => None,
            Some(name) => {
                let file: Box<dyn Write + Send> = if document {
                    Box::new(Shared(Arc::clone(&streams.stdout)))
                } else {
                    Box::new(create(surroundings, name)?)
                };
                let file = Arc::new(EventsFile::begin(file, clock));
                sinks.push(Arc::<EventsFile>::clone(&file));
                Some((name.clone(), file))
            }
        };
        let trace = match &arguments.trace {
            None => None,
            Some(name) => Some((name.clone(), create(surroundings, name)?)),
        };
        let terminal = surroundings
            .terminal
            .filter(|_| progress == Progress::Auto && !document);
        let (log, screen) = match terminal {
            None => {
                let log = PlainLog::new(streams, document);
                sinks.push(Arc::<PlainLog>::clone(&log));
                (log, None)
            }
            Some(terminal) => {
                let known = Arc::clone(&timeline);
                let live = move |size, style| frame(&lock(&known), clock.elapsed(), size, style);
                let out = Arc::clone(&streams.stdout);
                let screen = Arc::new(Screen::open(out, terminal, Box::new(live)));
                let log = PlainLog::new(&screen.streams(streams), false);
                sinks.push(Arc::new(TerminalView::new(
                    Arc::clone(&log),
                    Arc::clone(&screen),
                    Arc::clone(&timeline),
                    terminal.style,
                )));
                (log, Some(screen))
            }
        };
        let sink = Arc::new(All {
            clock,
            timeline: Arc::clone(&timeline),
            sinks,
        });
        Ok(Reporting {
            streams,
            surroundings,
            progress,
            clock,
            timeline,
            log,
            screen,
            events,
            trace,
            document,
            sink,
        })
    }

    /// Returns the log, to be configured.
    pub(crate) fn log(&self) -> &Arc<PlainLog> {
        &self.log
    }

    /// Returns where the engine tells its events.
    pub(crate) fn sink(&self) -> Arc<dyn EventSink> {
        Arc::clone(&self.sink)
    }

    /// Ends the reports of a run with this result: nothing is drawn or written
    /// after that.
    ///
    /// # Errors
    ///
    /// That of the run; else the first file that could not be written.
    pub(crate) fn finish(self, result: Result<(), Stop>) -> Result<(), Stop> {
        let time = self.clock.elapsed();
        lock(&self.timeline).close(time);
        if let Some(screen) = &self.screen {
            screen.close();
        }
        let told = self.log.level() <= Level::Info.number();
        if self.progress == Progress::Auto && told && time >= SUMMED_UP_FROM {
            self.sum_up(time);
        }
        let mut written = Ok(());
        if let Some((name, mut file)) = self.trace {
            let document = format!("{}\n", trace(&lock(&self.timeline)));
            let ended = file.write_all(document.as_bytes());
            written = written.and(ended.map_err(|error| cannot("write", &name, &error)));
        }
        if let Some((name, events)) = self.events {
            let code = match (&result, &written) {
                (Err(stop), _) | (Ok(()), Err(stop)) => stop.exit_code(),
                (Ok(()), Ok(())) => 0,
            };
            let ended = events.finish(code);
            // A reader of stdout that has gone away, as `head` does, is no
            // failure of ours.
            if !self.document {
                written = written.and(ended.map_err(|error| cannot("write", &name, &error)));
            }
        }
        result.and(written)
    }

    /// Writes the summary below a live view; else to stderr: the log on stdout
    /// is zc.buildout's.
    fn sum_up(&self, time: std::time::Duration) {
        let (columns, style) = match self.surroundings.terminal.filter(|_| self.screen.is_some()) {
            Some(terminal) => (terminal.size().columns, terminal.style),
            None => (LOG_COLUMNS, Style::PLAIN),
        };
        let lines = summary(&lock(&self.timeline), time, columns, style);
        let text: String = lines
            .iter()
            .map(|line| format!("{}\n", line.render(style)))
            .collect();
        if self.screen.is_some() {
            self.streams.out(&text);
        } else {
            self.streams.err(&text);
        }
    }
}

fn progress_variable(surroundings: &Surroundings) -> Result<Progress, Stop> {
    match surroundings.variable(PROGRESS_VARIABLE) {
        None | Some("") => Ok(Progress::Auto),
        Some(value) => Progress::parse(value).ok_or_else(|| {
            Stop::message(format!("Invalid value for {PROGRESS_VARIABLE}: {value}"))
                .with_hint(format!("`{PROGRESS_VARIABLE}` is `auto` or `never`"))
        }),
    }
}

fn create(surroundings: &Surroundings, name: &str) -> Result<File, Stop> {
    let path = std::path::Path::new(&surroundings.working_directory).join(name);
    File::create(path).map_err(|error| cannot("create", name, &error))
}

fn cannot(verb: &str, name: &str, error: &io::Error) -> Stop {
    Stop::message(format!("failed to {verb} `{name}`: {error}"))
}

fn lock(timeline: &Mutex<Timeline>) -> std::sync::MutexGuard<'_, Timeline> {
    timeline.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes events in the timeline, then passes them on to the sinks, in order.
struct All {
    clock: Clock,
    timeline: Arc<Mutex<Timeline>>,
    sinks: Vec<Arc<dyn EventSink>>,
}

impl EventSink for All {
    fn emit(&self, event: Event) {
        {
            let mut timeline = lock(&self.timeline);
            timeline.note(self.clock.elapsed(), &event);
        }
        if let Some((last, others)) = self.sinks.split_last() {
            for sink in others {
                sink.emit(event.clone());
            }
            last.emit(event);
        }
    }
}

/// A stream that others write to as well.
struct Shared(Arc<Mutex<dyn Write + Send>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
    }
}
