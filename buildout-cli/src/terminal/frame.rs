//! What the live area shows, as a pure function of what is known.

use std::time::Duration;

use buildout_core::event::{DownloadSpan, PartEnd, PartSpan, Timeline};

use super::line::{Line, Paint, Style, width};
use crate::quantity::{count, rough_time, size};

/// How long a picture of the spinner stays.
pub(super) const TICK: Duration = Duration::from_millis(100);

const SPINNER: [&str; 10] = [
    "\u{280b}", "\u{2819}", "\u{2839}", "\u{2838}", "\u{283c}", "\u{2834}", "\u{2826}", "\u{2827}",
    "\u{2807}", "\u{280f}",
];

const ASCII_SPINNER: [&str; 4] = ["|", "/", "-", "\\"];

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Its width.
    pub columns: usize,
    /// Its height.
    pub rows: usize,
}

/// Returns the lines of the live area: the parts at work, the downloads, and
/// how far the run is. Nothing while nothing goes on.
pub(crate) fn frame(
    timeline: &Timeline,
    now: Duration,
    terminal: TerminalSize,
    style: Style,
) -> Vec<Line> {
    // The last column stays free: some terminals wrap when it is written.
    let columns = terminal.columns.saturating_sub(1);
    let parts: Vec<&PartSpan> = timeline.running().collect();
    let downloads: Vec<&DownloadSpan> = timeline
        .downloads
        .iter()
        .filter(|span| span.end.is_none())
        .collect();
    let spinner = spinner(now, style);
    let mut lines = Vec::new();
    if let Some(what) = &timeline.waiting {
        lines.push(
            Line::new()
                .with(Paint::Lively, format!(" {spinner} "))
                .with(Paint::Plain, format!("waiting for {what}")),
        );
    }
    let names = column_width(parts.iter().map(|span| &*span.part), columns / 3);
    let phases = column_width(parts.iter().map(|span| phase(span)), columns / 4);
    for span in &parts {
        lines.push(
            Line::new()
                .with(Paint::Lively, format!(" {spinner} "))
                .column(Paint::Strong, &span.part, names, style)
                .with(Paint::Plain, "  ")
                .column(Paint::Plain, phase(span), phases, style)
                .with(Paint::Plain, "  ")
                .with(
                    Paint::Faint,
                    format!("{:>6}", rough_time(span.duration(now))),
                ),
        );
    }
    let files = column_width(
        downloads.iter().map(|span| file_name(&span.url)),
        columns / 2,
    );
    for span in &downloads {
        lines.push(download_line(span, files, columns, style));
    }
    let room = (terminal.rows / 2).max(2) - 1;
    if lines.len() > room {
        let more = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(Line::new().with(Paint::Faint, format!("   and {more} more")));
    }
    lines.extend(overall_line(timeline, now, columns, style));
    lines
        .into_iter()
        .map(|line| line.fit(columns, style))
        .collect()
}

fn spinner(now: Duration, style: Style) -> &'static str {
    let tick = usize::try_from(now.as_millis() / TICK.as_millis()).unwrap_or(0);
    if style.unicode {
        SPINNER[tick % SPINNER.len()]
    } else {
        ASCII_SPINNER[tick % ASCII_SPINNER.len()]
    }
}

/// The width of a column that holds all of `texts`, as far as it may be.
fn column_width<'a>(texts: impl Iterator<Item = &'a str>, limit: usize) -> usize {
    texts.map(width).max().unwrap_or(0).min(limit)
}

fn phase(span: &PartSpan) -> &str {
    span.phases.last().map_or("", |phase| &*phase.phase)
}

/// Returns the last component of the path of a URL.
fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let path = path.trim_end_matches('/');
    path.rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or(url)
}

fn download_line(span: &DownloadSpan, files: usize, columns: usize, style: Style) -> Line {
    let line = Line::new()
        .with(Paint::Lively, style.pick(" \u{2193} ", " < "))
        .column(Paint::Plain, file_name(&span.url), files, style)
        .with(Paint::Plain, "  ");
    let Some(total) = span.total else {
        return line.with(Paint::Faint, size(span.received));
    };
    let sizes = format!("{} / {}", size(span.received), size(total));
    let room = columns.saturating_sub(line.width());
    if width(&sizes) > room {
        let percent = u128::from(span.received) * 100 / u128::from(total.max(1));
        return line.with(Paint::Faint, format!("{percent}%"));
    }
    let line = match room.saturating_sub(width(&sizes) + 2) {
        0..8 => line,
        room => {
            let bar = style.bar(room.min(24), span.received, total, Paint::Lively);
            line.append(bar).with(Paint::Plain, "  ")
        }
    };
    line.with(Paint::Faint, sizes)
}

/// How many of the parts are done; nothing before it is known what there is to
/// do, and when all is done.
fn overall_line(timeline: &Timeline, now: Duration, columns: usize, style: Style) -> Option<Line> {
    let ended = |end: PartEnd| {
        let spans = timeline.installations();
        let ended = spans.filter(|span| span.end.is_some_and(|(_, found)| found == end));
        ended.count()
    };
    let all = timeline.parts.len();
    let (done, failed) = (ended(PartEnd::Finished), ended(PartEnd::Failed));
    if done + failed >= all {
        return None;
    }
    let separator = style.pick(" \u{b7} ", ", ");
    let mut told = Line::new().with(Paint::Strong, format!("{done}/{}", count(all, "part")));
    if failed > 0 {
        told = told
            .with(Paint::Plain, separator)
            .with(Paint::Bad, format!("{failed} failed"));
    }
    told = told.with(Paint::Faint, format!("{separator}{}", rough_time(now)));
    let room = columns.saturating_sub(told.width() + 3);
    let line = Line::new().with(Paint::Plain, " ");
    let line = match room {
        0..8 => line,
        _ => {
            let bar = style.bar(room.min(32), done as u64, all as u64, Paint::Good);
            line.append(bar).with(Paint::Plain, "  ")
        }
    };
    Some(line.append(told))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use buildout_core::event::{DownloadEnd, DownloadId, Event, PartAction};

    use super::*;

    const UNICODE: Style = Style {
        colour: false,
        unicode: true,
    };

    fn part(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn started(name: &str) -> Event {
        Event::PartStarted {
            part: part(name),
            action: PartAction::Install,
        }
    }

    fn finished(name: &str) -> Event {
        Event::PartFinished {
            part: part(name),
            action: PartAction::Install,
        }
    }

    fn phase_of(name: &str, phase: &str) -> Event {
        Event::PartPhase {
            part: part(name),
            phase: part(phase),
        }
    }

    fn download(number: u64, url: &str, received: u64, total: Option<u64>) -> [Event; 2] {
        let download = DownloadId(number);
        [
            Event::DownloadStarted {
                download,
                part: None,
                url: url.to_owned(),
            },
            Event::DownloadProgress {
                download,
                received,
                total,
            },
        ]
    }

    fn timeline(events: &[(u64, Event)]) -> Timeline {
        let mut timeline = Timeline::default();
        for (at, event) in events {
            timeline.note(Duration::from_secs(*at), event);
        }
        timeline
    }

    fn shown(timeline: &Timeline, now: u64, columns: usize, style: Style) -> Vec<String> {
        let size = TerminalSize { columns, rows: 24 };
        let lines = frame(timeline, Duration::from_secs(now), size, style);
        assert!(lines.iter().all(|line| line.width() < columns.max(1)));
        lines.iter().map(|line| line.render(style)).collect()
    }

    fn several() -> Timeline {
        let parts = ["zlib", "openssl", "nginx", "pcre2", "lua"]
            .map(part)
            .to_vec();
        let mut events = vec![
            (1, Event::InstallationStarted { parts, jobs: 3 }),
            (1, started("zlib")),
            (1, phase_of("zlib", "make")),
            (2, started("openssl")),
            (3, finished("zlib")),
            (4, started("pcre2")),
            (5, phase_of("openssl", "configure")),
            (60, phase_of("openssl", "make")),
            (61, started("lua")),
            (
                70,
                Event::PartFailed {
                    part: part("lua"),
                    action: PartAction::Install,
                },
            ),
        ];
        let url = "http://host/pool/nginx_1.22.1.orig.tar.gz?x=/";
        for event in download(1, url, 4_200_000, Some(10_700_000)) {
            events.push((71, event));
        }
        for event in download(2, "http://host/", 900, None) {
            events.push((71, event));
        }
        for event in download(3, "http://host/done", 1, None) {
            events.push((71, event));
        }
        let end = DownloadEnd::Complete;
        let download = DownloadId(3);
        events.push((
            72,
            Event::DownloadFinished {
                download,
                received: 1,
                end,
            },
        ));
        timeline(&events)
    }

    #[test]
    fn a_wide_terminal_shows_everything() {
        assert_eq!(
            shown(&several(), 75, 100, UNICODE),
            [
                " \u{280b} openssl  make  1m 13s",
                " \u{280b} pcre2          1m 11s",
                " \u{2193} nginx_1.22.1.orig.tar.gz  \u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}  4.2 MB / 10.7 MB",
                " \u{2193} host                      900 B",
                " \u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}  1/5 parts \u{b7} 1 failed \u{b7} 1m 15s",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_shows_what_fits() {
        assert_eq!(
            shown(&several(), 75, 30, Style::PLAIN),
            [
                " - openssl  make  1m 13s",
                " - pcre2          1m 11s",
                " < nginx_1.22.1.~  39%",
                " < host            900 B",
                " 1/5 parts, 1 failed, 1m 15s",
            ]
        );
        for columns in 0..60 {
            shown(&several(), 75, columns, UNICODE);
        }
    }

    #[test]
    fn a_low_terminal_keeps_the_last_line() {
        let parts: Vec<Arc<str>> = (0..20).map(|number| part(&format!("p{number}"))).collect();
        let mut events = vec![(
            0,
            Event::InstallationStarted {
                parts: parts.clone(),
                jobs: 20,
            },
        )];
        events.extend(parts.iter().map(|part| (0, started(part))));
        let timeline = timeline(&events);
        for (rows, expected) in [(24, 12), (10, 5), (4, 2), (1, 2)] {
            let size = TerminalSize { columns: 80, rows };
            let lines = frame(&timeline, Duration::ZERO, size, Style::PLAIN);
            assert_eq!(lines.len(), expected, "{rows}");
            let texts: Vec<String> = lines.iter().map(|line| line.render(Style::PLAIN)).collect();
            let more = format!("   and {} more", 20 - (expected - 2));
            assert_eq!(texts[expected - 2], more, "{rows}");
            assert!(
                texts[expected - 1].ends_with("  0/20 parts, 0s"),
                "{texts:?}"
            );
        }
    }

    #[test]
    fn nothing_is_shown_while_nothing_goes_on() {
        assert!(shown(&Timeline::default(), 5, 80, UNICODE).is_empty());
        let done = timeline(&[
            (
                0,
                Event::InstallationStarted {
                    parts: vec![part("a")],
                    jobs: 1,
                },
            ),
            (0, started("a")),
            (1, finished("a")),
        ]);
        assert!(shown(&done, 5, 80, UNICODE).is_empty());
        let waiting = Event::Waiting {
            part: None,
            what: "another run".to_owned(),
        };
        let waiting = timeline(&[(0, waiting)]);
        assert_eq!(
            shown(&waiting, 0, 80, Style::PLAIN),
            [" | waiting for another run"]
        );
    }
}
