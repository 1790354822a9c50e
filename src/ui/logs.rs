//! Log lines on the screen: each with the coloured name of its service, or as JSON.

use console::{Color, style};
use serde::Serialize;

use crate::mux::Line;

/// Colours of services, told apart also by people who do not see red and green alike: the name is always there.
const COLORS: [Color; 6] = [Color::Cyan, Color::Yellow, Color::Magenta, Color::Blue, Color::Green, Color::Red];

/// One line for people: `producer | text`.
pub fn text(line: &Line, service: &str, width: usize, timestamps: bool) -> String {
    let name = style(format!("{service:<width$} |")).fg(COLORS[line.source % COLORS.len()]);
    if timestamps {
        let time = style(format!("{:.3}", line.time)).dim();
        format!("{name} {time} {}", line.text)
    } else {
        format!("{name} {}", line.text)
    }
}

#[derive(Serialize)]
struct Json<'a> {
    time: String,
    service: &'a str,
    stream: &'static str,
    line: &'a str,
}

/// One line as JSON: `{"time","service","stream","line"}`.
pub fn json(line: &Line, service: &str) -> String {
    let stream = if line.is_stderr { "stderr" } else { "stdout" };
    let json = Json { time: line.time.to_string(), service, stream, line: &line.text };
    // Four strings cannot fail to serialize.
    serde_json::to_string(&json).unwrap_or_default()
}
