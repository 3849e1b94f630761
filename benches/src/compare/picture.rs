//! The tables of rates as one picture: a group of bars for each, as long as queries a second.

use super::measure::Measured;
use super::report::{Body, Section, grouped};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
/// Where bars begin, and the space for the longest.
const BARS_AT: f64 = 190.0;
const BARS_WIDTH: f64 = 450.0;
const BAR: f64 = 14.0;
const STEP: f64 = 18.0;
const MARGIN: f64 = 16.0;

/// The picture, in SVG that any page can show, light or dark.
pub(crate) fn draw(sections: &[Section]) -> String {
    let groups: Vec<(&str, &[Measured])> = sections
        .iter()
        .filter_map(|section| match &section.body {
            Body::Rates(measured) => Some((section.title.as_str(), measured.as_slice())),
            Body::Starts(_) => None,
        })
        .collect();
    let mut body = String::new();
    let mut y = MARGIN;
    for (title, measured) in groups {
        let _ = writeln!(body, r#"<text class="title" x="{MARGIN}" y="{:.0}">{}</text>"#, y + 12.0, escaped(title));
        y += 22.0;
        // Groups differ by an order of magnitude, so that each has a scale of its own.
        let most = measured.iter().map(|one| one.per_second).fold(1.0, f64::max);
        for one in measured {
            let class = match () {
                () if one.server.is_echo() => "echo",
                () if one.server.is_peer() => "peer",
                () => "ours",
            };
            let width = (one.per_second / most * BARS_WIDTH).max(1.0);
            let middle = y + BAR - 3.0;
            let label_at = BARS_AT - 8.0;
            let value_at = BARS_AT + width + 6.0;
            let _ = writeln!(
                body,
                "<text class=\"label\" x=\"{label_at:.0}\" y=\"{middle:.0}\">{}</text>\
                 <rect class=\"{class}\" x=\"{BARS_AT:.0}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{BAR:.0}\"/>\
                 <text x=\"{value_at:.0}\" y=\"{middle:.0}\">{}</text>",
                escaped(&one.label),
                grouped(one.per_second as u64),
            );
            y += STEP;
        }
        y += 14.0;
    }
    let style = "svg{background:#fff}text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.label{text-anchor:end}\
                 .ours{fill:#1f6feb}.peer{fill:#8c959f}.echo{fill:#d8dee4}";
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" height=\"{height:.0}\">\n\
         <title>Queries a second on one core</title>\n<style>{style}</style>\n{body}</svg>\n",
        height = y + 4.0,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
