//! The chart: how many times as good as CPython each subject is in each cell.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;
use crate::report::Row;

/// The height of a bar in pixels.
const BAR: i32 = 11;
/// The room around a group of bars.
const GAP: i32 = 12;
/// Where the bars begin to be drawn: left of it are the names.
const LEFT: i32 = 190;
const RIGHT: i32 = 900;
const WIDTH: u32 = 960;
const TOP: i32 = 70;
/// The ends of the scale, in powers of two.
const SCALE: std::ops::RangeInclusive<i32> = -5..=6;

/// Draws the rows that are compared with CPython.
pub(crate) fn draw(rows: &[Row], file: &Path) -> Result<()> {
    let mut groups: Vec<(String, Vec<(&str, f64)>)> = Vec::new();
    let mut subjects: Vec<&str> = Vec::new();
    for row in rows {
        let Some(ratio) = row.ratio.cpython.filter(|ratio| *ratio > 0.0) else { continue };
        let title = format!("{}, {}", row.workload, row.connections);
        let better = if row.lower_is_better { 1.0 / ratio } else { ratio };
        if groups.last().is_none_or(|(last, _)| *last != title) {
            groups.push((title, Vec::new()));
        }
        groups.last_mut().expect("one was pushed").1.push((row.subject, better));
        if !subjects.contains(&row.subject) {
            subjects.push(row.subject);
        }
    }
    let height = groups.iter().map(|(_, bars)| GAP + BAR * i32::try_from(bars.len()).unwrap_or(0)).sum::<i32>();
    let area = SVGBackend::new(file, (WIDTH, u32::try_from(TOP + height + GAP)?)).into_drawing_area();
    area.fill(&WHITE)?;
    legend(&area, &subjects)?;
    axis(&area, TOP + height)?;
    let one = place(1.0);
    let name = label(13, HPos::Right);
    let mut y = TOP + GAP / 2;
    for (title, bars) in &groups {
        let middle = y + BAR * i32::try_from(bars.len())? / 2;
        area.draw_text(title, &name, (LEFT - 10, middle))?;
        for (subject, ratio) in bars {
            let color = color(&subjects, subject);
            let end = place(*ratio);
            area.draw(&Rectangle::new(
                [(one.min(end), y + 1), (one.max(end).max(one + 1), y + BAR - 1)],
                color.filled(),
            ))?;
            y += BAR;
        }
        y += GAP;
    }
    area.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn label(size: i32, side: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(side, VPos::Center))
}

fn legend(area: &Area<'_>, subjects: &[&str]) -> Result<()> {
    let mut x = 20;
    for subject in subjects {
        area.draw(&Rectangle::new([(x, 14), (x + 10, 24)], color(subjects, subject).filled()))?;
        area.draw_text(subject, &label(13, HPos::Left), (x + 15, 19))?;
        x += 30 + 7 * i32::try_from(subject.len())?;
    }
    Ok(())
}

/// The scale, with a line for each power of two; the one of CPython is stronger.
fn axis(area: &Area<'_>, bottom: i32) -> Result<()> {
    area.draw_text(
        "times as good as CPython, logarithmic (for times and memory: how many times less)",
        &label(12, HPos::Left),
        (LEFT, 40),
    )?;
    for power in SCALE {
        let value = f64::from(power).exp2();
        let x = place(value);
        let style = if power == 0 { BLACK.stroke_width(1) } else { BLACK.mix(0.15).stroke_width(1) };
        area.draw(&PathElement::new([(x, TOP - 8), (x, bottom)], style))?;
        let text = if power < 0 { format!("1/{}", 1 << -power) } else { format!("{}", 1 << power) };
        area.draw_text(&text, &label(11, HPos::Center), (x, TOP - 15))?;
    }
    Ok(())
}

/// Where `ratio` is from left to right; what is off the scale is at its end.
fn place(ratio: f64) -> i32 {
    let (first, last) = (f64::from(*SCALE.start()), f64::from(*SCALE.end()));
    let part = (ratio.log2().clamp(first, last) - first) / (last - first);
    #[expect(clippy::cast_possible_truncation, reason = "a place on the chart")]
    let x = LEFT + (part * f64::from(RIGHT - LEFT)).round() as i32;
    x
}

fn color(subjects: &[&str], subject: &str) -> RGBColor {
    /// Distinct also for those who see colours otherwise (Okabe and Ito).
    const COLORS: [RGBColor; 9] = [
        RGBColor(0, 114, 178),
        RGBColor(86, 180, 233),
        RGBColor(213, 94, 0),
        RGBColor(230, 159, 0),
        RGBColor(0, 158, 115),
        RGBColor(120, 200, 160),
        RGBColor(204, 121, 167),
        RGBColor(120, 120, 120),
        RGBColor(0, 0, 0),
    ];
    let index = subjects.iter().position(|known| *known == subject).unwrap_or(0);
    COLORS[index % COLORS.len()]
}
