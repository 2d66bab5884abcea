//! Frame maps side by side, as SVG text: a square for each frame, in rows of a power of two, so that
//! every aligned block is a rectangle.
//!
//! What is in a frame is told by its colour, whether it stays by a dark border, and why by a mark, so
//! that no two of these need be told apart by hue alone. The text is written here and not by a
//! library: it is rectangles, circles, paths and text, and only the text has to be escaped.
//! It does not cover what is in the frames, nor which maps are drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Arguments, Write};

use super::super::contract::Move;
use super::super::{Frame, Order};
use super::map::{Cell, FrameMap, Held, Sort, ZoneMap, count, name};
use crate::core::Heading;
use crate::frames::Run;

/// What is drawn. All lengths below are in pixels.
#[derive(Debug)]
pub(super) struct Sheet<'s> {
    pub(super) heading: &'s Heading,
    /// What was done between the maps, a line each.
    pub(super) story: Vec<String>,
    /// The maps of one machine, from the left to the right, each with its name.
    pub(super) maps: Vec<(&'static str, FrameMap)>,
    /// The pages that moved between the first map and the second, numbered from 1.
    pub(super) moves: Vec<Move>,
    /// The order of the blocks that are to be free.
    pub(super) wanted: Option<Order>,
}

const MARGIN: u64 = 24;
/// Between two maps.
const GAP: u64 = 36;
/// Left of a map: the numbers of its rows.
const LABEL: u64 = 62;
/// A map is at least so wide, so that its caption fits.
const LEAST_WIDTH: u64 = 380;
const LINE: u64 = 18;
/// As wide as a letter is on average, in tenths, at the size of a line of text.
const LETTER_TENTHS: u64 = 68;
/// In a smaller square no number can be read.
const LEAST_NUMBERED: u64 = 16;

const STYLE: &str = "\
text{fill:#24292f;font-size:12px}
.title{font-size:17px;font-weight:bold}
.name{font-size:14px;font-weight:bold}
.quiet{fill:#57606a}
.row{fill:#57606a;font-size:10px;text-anchor:end}
.number{font-weight:bold;text-anchor:middle}
.mark{stroke:#ffffff;stroke-width:1}
.sheet{fill:#ffffff;stroke:#d0d7de}
.free{fill:#f6f8fa;stroke:#c4cbd3;stroke-width:1}
.anonymous{fill:#7fc4ee}
.file{fill:#45a880}
.unnamed{fill:#f0bcd9}
.kernel{fill:#6e7781}
.detached{fill:#d2a679}
.target{fill:#fff1a8}
.reserved{fill:url(#reserved)}
.hole{fill:url(#hole)}
.unclear{fill:url(#unclear);stroke:#cf222e;stroke-width:1}
.stays{stroke:#1b1f24;stroke-width:2}
.moving{stroke-dasharray:3 2}
.pinned{fill:#a40e26}
.writeback{fill:#512a97}
.locked{fill:#1b1f24}
.moved{fill:none;stroke:#d1480c;stroke-width:3}
.block{fill:#0550ae;fill-opacity:0.12;stroke:#0550ae;stroke-width:3}
";

/// What is thinner where squares are small.
const STYLE_OF_SMALL: &str = "\
.free{stroke-width:0.4}
.stays{stroke-width:1.2}
.mark{stroke-width:0.6}
.moved,.block{stroke-width:2}
";

const HATCHES: &str = "\
<pattern id=\"hole\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<path d=\"M0 6L6 0\" stroke=\"#afb8c1\" stroke-width=\"1\"/></pattern>
<pattern id=\"reserved\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<path d=\"M0 0H6V6H0Z\" fill=\"#d0d7de\"/>\
<path d=\"M0 6L6 0M0 0L6 6\" stroke=\"#8c959f\" stroke-width=\"1\"/></pattern>
<pattern id=\"unclear\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
<path d=\"M0 4L4 0\" stroke=\"#cf222e\" stroke-width=\"1.5\"/></pattern>
";

impl Sheet<'_> {
    /// The SVG text.
    pub(super) fn svg(&self) -> String {
        let grid = Grid::of(&self.maps);
        let panel = (LABEL + grid.columns * grid.side).max(LEAST_WIDTH);
        let panels = self.maps.len() as u64;
        let width = 2 * MARGIN + panels * panel + panels.saturating_sub(1) * GAP;
        let mut page = Page { text: String::new(), y: MARGIN, width };
        self.head(&mut page);
        let top = page.y;
        for (at, (title, map)) in self.maps.iter().enumerate() {
            page.y = top;
            let left = MARGIN + at as u64 * (panel + GAP);
            let labels = self.labels(at);
            let caption = map.caption(self.wanted);
            Panel { left, grid, title, map, caption, labels, wanted: self.wanted }.draw(&mut page);
        }
        self.legend(&mut page);
        let Page { text, y, .. } = page;
        let height = y + MARGIN;
        let mut svg = String::new();
        put(
            &mut svg,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
                 viewBox=\"0 0 {width} {height}\" role=\"img\" \
                 font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\">"
            ),
        );
        put(&mut svg, format_args!("<title>{}</title>", escape(&self.heading.title)));
        let small = if grid.is_numbered() { "" } else { STYLE_OF_SMALL };
        put(&mut svg, format_args!("<style>\n{STYLE}{small}</style>\n<defs>\n{HATCHES}</defs>"));
        let (inner, high) = (width - 1, height - 1);
        put(
            &mut svg,
            format_args!(
                "<rect class=\"sheet\" x=\"0.5\" y=\"0.5\" width=\"{inner}\" height=\"{high}\" \
                 rx=\"8\"/>"
            ),
        );
        svg + &text + "</svg>\n"
    }

    /// The heading, and what was done.
    fn head(&self, page: &mut Page) {
        page.y += 14;
        page.line("title", MARGIN, &self.heading.title);
        page.y += 4;
        for line in &self.heading.lines {
            page.wrapped("", line);
        }
        for line in &self.story {
            page.wrapped("quiet", line);
        }
        page.y += LINE;
    }

    /// What a map says of the frames where pages moved away, or to.
    fn labels(&self, map: usize) -> BTreeMap<Frame, (usize, String)> {
        let numbered = self.moves.iter().zip(1..);
        let label = |(moved, number): (&Move, usize)| match map {
            0 => (moved.from, (number, format!("{number}: moves to {}", moved.to))),
            _ => (moved.to, (number, format!("{number}: has moved from {}", moved.from))),
        };
        numbered.map(label).collect()
    }

    /// What is seen in the maps: a sample and its name.
    fn legend(&self, page: &mut Page) {
        let cells = || self.maps.iter().flat_map(|(_, map)| map.cells());
        let sorts: BTreeSet<Sort> = cells().map(|cell| cell.sort).collect();
        let holds: BTreeSet<Held> = cells().filter_map(|cell| cell.hold).collect();
        const SIDE: u64 = 18;
        let mut x = MARGIN;
        let mut entry = |page: &mut Page, draw: &dyn Fn(&mut Page, u64), says: &str| {
            let wide = 24 + says.chars().count() as u64 * LETTER_TENTHS / 10 + 22;
            if x + wide > page.width - MARGIN && x > MARGIN {
                (x, page.y) = (MARGIN, page.y + 24);
            }
            draw(page, x);
            page.text("", x + 24, page.y + 13, says);
            x += wide;
        };
        for sort in sorts {
            let class = classes(sort, None);
            let draw = |page: &mut Page, x| page.square(x, page.y, SIDE, &class, "");
            entry(page, &draw, name(sort));
        }
        for hold in holds {
            let draw = |page: &mut Page, x| {
                page.square(x, page.y, SIDE, &classes(Sort::Anonymous, Some(hold)), "");
                page.mark(x + SIDE / 2, page.y + SIDE / 2, SIDE, hold);
            };
            entry(page, &draw, hold_name(hold));
        }
        if cells().any(Cell::stays) {
            let draw = |page: &mut Page, x| page.square(x, page.y, SIDE, "free stays", "");
            entry(page, &draw, "dark border: does not move");
        }
        if !self.moves.is_empty() {
            let draw = |page: &mut Page, x| page.outline("moved", x + 1, page.y + 1, 16, 16);
            let says = match Grid::of(&self.maps).is_numbered() {
                true => "has moved; it has the same number in both maps",
                false => "has moved",
            };
            entry(page, &draw, says);
        }
        let blocks = |order| self.maps.iter().any(|(_, map)| map.blocks(order).next().is_some());
        if let Some(order) = self.wanted.filter(|order| blocks(*order)) {
            let draw = |page: &mut Page, x| page.outline("block", x + 1, page.y + 1, 16, 16);
            entry(page, &draw, &format!("free block of order {order}"));
        }
        page.y += SIDE;
    }
}

fn hold_name(hold: Held) -> &'static str {
    match hold {
        Held::Pinned => "pinned",
        Held::Writeback => "under writeback",
        Held::Isolated => "isolated by the migration",
        Held::Locked => "locked",
    }
}

/// How frames are laid out.
#[derive(Debug, Clone, Copy)]
struct Grid {
    /// How many frames a row has: a power of two.
    columns: u64,
    /// Of a square.
    side: u64,
}

impl Grid {
    /// For maps of one machine: about as wide as high.
    fn of(maps: &[(&'static str, FrameMap)]) -> Self {
        let frames = maps.first().map_or(0, |(_, map)| map.cells().count() as u64);
        let columns = frames.isqrt().max(1).next_power_of_two().clamp(8, 64);
        Grid { columns, side: (512 / columns).clamp(8, 26) }
    }

    /// Whether a number can be read in a square.
    fn is_numbered(self) -> bool {
        self.side >= LEAST_NUMBERED
    }

    /// The first frame of the first row of a zone.
    fn first(self, zone: &ZoneMap) -> u64 {
        zone.run.base.0 / self.columns * self.columns
    }

    fn rows(self, zone: &ZoneMap) -> u64 {
        (zone.run.end().0 - self.first(zone)).div_ceil(self.columns)
    }

    /// Where a frame is in its zone.
    fn place(self, zone: &ZoneMap, frame: Frame) -> (u64, u64) {
        let at = frame.0 - self.first(zone);
        (at % self.columns * self.side, at / self.columns * self.side)
    }
}

/// One map on the sheet.
struct Panel<'p> {
    left: u64,
    grid: Grid,
    title: &'p str,
    map: &'p FrameMap,
    caption: Vec<String>,
    labels: BTreeMap<Frame, (usize, String)>,
    wanted: Option<Order>,
}

impl Panel<'_> {
    fn draw(&self, page: &mut Page) {
        page.line("name", self.left, self.title);
        for line in &self.caption {
            page.line("", self.left, line);
        }
        page.y += 6;
        for zone in &self.map.zones {
            let run = zone.run;
            let says =
                format!("zone {}: {} from {}", zone.zone, count(run.frames, "frame"), run.base);
            page.line("quiet", self.left, &says);
            page.y -= 8;
            self.draw_zone(page, zone);
            page.y += self.grid.rows(zone) * self.grid.side + 30;
        }
    }

    fn draw_zone(&self, page: &mut Page, zone: &ZoneMap) {
        let Grid { columns, side } = self.grid;
        let (left, top) = (self.left + LABEL, page.y);
        let at = |frame| {
            let (x, y) = self.grid.place(zone, frame);
            (left + x, top + y)
        };
        let every = 14_u64.div_ceil(side);
        for row in (0..self.grid.rows(zone)).filter(|row| row.is_multiple_of(every)) {
            let first = Frame(self.grid.first(zone) + row * columns);
            let y = top + row * side + side / 2 + 4;
            page.text("row", left - 6, y, &first.to_string());
        }
        for cell in &zone.cells {
            let (x, y) = at(cell.frame);
            let moved = self.labels.get(&cell.frame).map(|(_, says)| format!("; {says}"));
            let says = format!("{}{}", cell.says, moved.unwrap_or_default());
            page.square(x, y, side, &classes(cell.sort, cell.hold), &says);
        }
        let blocks = self.wanted.into_iter().flat_map(|order| self.map.blocks(order));
        for block in blocks.filter(|block| zone.run.holds(block)) {
            let (x, y) = at(block.base);
            let (wide, high) = self.extent(&block);
            page.outline("block", x, y, wide, high);
        }
        for cell in &zone.cells {
            let (x, y) = at(cell.frame);
            self.draw_over(page, cell, x, y);
        }
    }

    /// What is over a square: whether its page has moved, and why it does not move.
    fn draw_over(&self, page: &mut Page, cell: &Cell, x: u64, y: u64) {
        let side = self.grid.side;
        let number = self.labels.get(&cell.frame).map(|(number, _)| *number);
        if number.is_some() {
            page.outline("moved", x + 1, y + 1, side - 2, side - 2);
        }
        let number = number.filter(|_| self.grid.is_numbered());
        if let Some(number) = number {
            page.text("number", x + side / 2, y + side / 2 + 4, &number.to_string());
        }
        if let Some(hold) = cell.hold {
            // A number is in the middle: the mark makes room for it.
            let (x, y) = match number {
                Some(_) => (x + side - 4, y + 4),
                None => (x + side / 2, y + side / 2),
            };
            page.mark(x, y, side, hold);
        }
    }

    /// How large an aligned block is.
    fn extent(&self, block: &Run) -> (u64, u64) {
        let Grid { columns, side } = self.grid;
        (block.frames.min(columns) * side, block.frames.div_ceil(columns) * side)
    }
}

/// The text so far, and where it goes on.
struct Page {
    text: String,
    y: u64,
    width: u64,
}

impl Page {
    fn text(&mut self, class: &str, x: u64, y: u64, says: &str) {
        let says = escape(says);
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        put(&mut self.text, format_args!("<text{class} x=\"{x}\" y=\"{y}\">{says}</text>"));
    }

    /// A line of text, and to the next.
    fn line(&mut self, class: &str, x: u64, says: &str) {
        self.text(class, x, self.y, says);
        self.y += LINE;
    }

    /// A paragraph as wide as the page.
    fn wrapped(&mut self, class: &str, says: &str) {
        let letters = (self.width - 2 * MARGIN) * 10 / LETTER_TENTHS;
        for line in wrap(says, usize::try_from(letters).unwrap_or(usize::MAX)) {
            self.line(class, MARGIN, &line);
        }
    }

    fn square(&mut self, x: u64, y: u64, side: u64, class: &str, says: &str) {
        let (x, y, side) = (x + 1, y + 1, side - 2);
        let tip = match says {
            "" => String::new(),
            says => format!("<title>{}</title>", escape(says)),
        };
        put(
            &mut self.text,
            format_args!(
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{side}\" \
                 height=\"{side}\">{tip}</rect>"
            ),
        );
    }

    fn outline(&mut self, class: &str, x: u64, y: u64, width: u64, height: u64) {
        put(
            &mut self.text,
            format_args!(
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" \
                 height=\"{height}\" pointer-events=\"none\"/>"
            ),
        );
    }

    /// Why a page does not move, around a point.
    fn mark(&mut self, x: u64, y: u64, side: u64, hold: Held) {
        let r = (side / 5).max(2);
        let (left, right, top, bottom) = (x - r, x + r, y - r, y + r);
        let shape = match hold {
            Held::Pinned => {
                format!("<circle class=\"mark pinned\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"")
            }
            Held::Writeback => {
                format!("<path class=\"mark writeback\" d=\"M{x} {top}L{right} {bottom}H{left}Z\"")
            }
            Held::Locked => {
                format!("<path class=\"mark locked\" d=\"M{left} {top}H{right}V{bottom}H{left}Z\"")
            }
            Held::Isolated => return,
        };
        put(&mut self.text, format_args!("{shape} pointer-events=\"none\"/>"));
    }
}

/// How a square looks.
fn classes(sort: Sort, hold: Option<Held>) -> String {
    let stays = if sort.stays() || hold.is_some() { " stays" } else { "" };
    let is_moving = sort == Sort::Target || hold == Some(Held::Isolated);
    let moving = if is_moving { " moving" } else { "" };
    format!("{}{stays}{moving}", class(sort))
}

fn class(sort: Sort) -> &'static str {
    match sort {
        Sort::Free => "free",
        Sort::Anonymous => "anonymous",
        Sort::File => "file",
        Sort::Unnamed => "unnamed",
        Sort::Kernel => "kernel",
        Sort::Detached => "detached",
        Sort::Target => "target",
        Sort::Reserved => "reserved",
        Sort::Hole => "hole",
        Sort::Unclear => "unclear",
    }
}

fn put(text: &mut String, line: Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes every line");
}

/// Text as XML has it: what it can't have is a blank.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text in lines of at most so many letters, if no word is longer.
fn wrap(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
