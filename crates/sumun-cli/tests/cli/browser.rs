//! Reports in a real browser: no errors on the console, no chart without anything in it.
//!
//! Needs Chromium, so it only runs where it is asked for:
//! `cargo test --release -p sumun-cli --test cli browser -- --ignored`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{Place, QUICK, date};

/// Looks at every figure and leaves what it saw in the page, which is then printed.
const LOOK: &str = "<script>addEventListener('load', () => {
  let seen = 0;
  for (const figure of document.querySelectorAll('figure')) {
    const name = figure.querySelector('h3')?.textContent;
    const cells = figure.querySelectorAll('table.confusion td.right, svg.heat rect').length;
    const shown = [...figure.querySelectorAll('.drawings svg')].filter((s) => s.getClientRects().length > 0);
    const marks = shown.flatMap((s) => [...s.querySelectorAll('path.line, rect.bar, circle')])
      .filter((m) => { const b = m.getBBox(); return b.width + b.height > 0; });
    if (cells === 0 && (shown.length !== 1 || marks.length === 0)) console.error('empty chart: ' + name);
    seen += 1;
  }
  for (const sample of document.querySelectorAll('pre.sample')) {
    if (sample.textContent.trim() === '') console.error('empty sample');
  }
  for (const canvas of document.querySelectorAll('.map canvas')) {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const first = data.slice(0, 3).join();
    const plain = data.every((_, at) => at % 4 > 0 || data.slice(at, at + 3).join() === first);
    if (plain && canvas.width * canvas.height > 8) console.error('a map of one colour');
  }
  const tokens = [...document.querySelectorAll('.attended span[title]')];
  const shades = new Set(tokens.map((token) => getComputedStyle(token).backgroundColor));
  if (tokens.length > 0 && shades.size < 2) console.error('no token is shaded');
  if (document.documentElement.scrollWidth > innerWidth + 1) console.error('wider than the window');
  document.body.dataset.figures = seen;
});</script>";

/// A browser by the names that systems give it, or as `SUMUN_BROWSER` says.
fn browser() -> PathBuf {
    let named = std::env::var_os("SUMUN_BROWSER").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let found = || {
        std::env::split_paths(&path)
            .flat_map(|folder| names.map(|name| folder.join(name)))
            .find(|candidate| candidate.is_file())
    };
    named.or_else(found).expect("install Chromium or set SUMUN_BROWSER")
}

/// Opens a page in a window of a width; how many figures it holds.
fn open(place: &Place, page: &Path, width: usize, dark: bool) -> usize {
    let html = std::fs::read_to_string(page).unwrap();
    place.write("look.html", html.replace("</body>", &format!("{LOOK}</body>")));
    let profile = tempfile::TempDir::new().unwrap();
    let mut command = Command::new(browser());
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom"]);
    command.arg(format!("--window-size={width},1000"));
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    if dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    let output = command.arg(format!("file://{}", place.path("look.html").display())).output().unwrap();
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let console: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{}: {console:?}", page.display());
    let seen = dom.split("data-figures=\"").nth(1).and_then(|rest| rest.split('"').next());
    seen.unwrap_or_else(|| panic!("{}: the page did not load: {log}", page.display())).parse().unwrap()
}

#[test]
#[ignore = "needs Chromium"]
fn reports_work_in_a_browser() {
    let place = Place::with_series();
    let mut csv = String::from("text,label,stars\n");
    let (mut jsonl, mut tags) = (String::new(), String::new());
    for i in 0..40 {
        csv += &format!("정말 좋은 film {i},good,{}\nboring plot {i},bad,{}\n", 4 + i % 2, 1 + i % 3);
        jsonl += &format!("{{\"x\": [[{}, 2, 3], [1, {}, 1]], \"label\": \"{}\"}}\n", i % 4, i % 3, i % 4);
    }
    (0..20).for_each(|i| tags += &format!("go O\nto O\nNew B-LOC\n서울{} I-LOC\n\n", i % 4));
    place.write("t.conll", tags);
    let pair = |i: usize| format!("{} {i}일\t{i}-{}\n", ["삼월", "March"][i % 2], i % 3);
    place.write("p.tsv", "source\ttarget\n".to_owned() + &(0..40).map(pair).collect::<String>());
    place.write("r.csv", csv);
    place.write("x.jsonl", jsonl);
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    let constitution = format!("{data}/korean_constitution.txt");
    let lm = ["lm", &constitution, "--batch", "8", "--chunk", "64", "--layers", "1", "--embedding", "8"];
    let quick = ["--epochs", "3", "--hidden", "4", "--quiet"];
    let forecast = ["train", "forecast", "y.csv", "--target", "y", "--horizon", "7", "--quiet"];
    place.succeed(&[&forecast[..], &QUICK, &["--out", "forecast"]].concat());
    let day = |series: &str, i: usize| format!("{series},{},{}\n", date(i), 5 + i % 7);
    let days = |series: &str| (0..112).map(|i| day(series, i)).collect::<String>();
    place.write("panel.csv", "shop,date,sales\n".to_owned() + &days("서울") + &days("부산"));
    let panel = ["train", "forecast", "panel.csv", "--target", "sales", "--series", "shop", "--horizon", "7"];
    place.succeed(&[&panel[..], &QUICK, &["--quiet", "--out", "panel"]].concat());
    for (name, arguments) in [
        ("texts", &["classify", "r.csv", "--text", "text", "--label", "label"][..]),
        ("numbers", &["classify", "x.jsonl"]),
        ("tags", &["tag", "t.conll"]),
        ("regress", &["regress", "r.csv", "--text", "text", "--label", "stars"]),
        ("attended", &["classify", "r.csv", "--text", "text", "--label", "label", "--pool", "attention"]),
        ("over-time", &["regress", "x.jsonl", "--pool", "attention"]),
        ("lm", &lm),
        ("translate", &["translate", "p.tsv", "--valid", "0.2", "--test", "0.2"]),
    ] {
        place.succeed(&[&["train"], arguments, &quick, &["--out", name]].concat());
    }
    place.succeed(&["compare", "texts", "regress"]);
    for (run, input) in [
        ("texts", "정말 좋은 film"),
        ("numbers", "x.jsonl"),
        ("tags", "go to New 서울1"),
        ("regress", "r.csv"),
        ("lm", "대한민국은 민주공화국이다"),
        ("forecast", "y.csv"),
        ("panel", "panel.csv"),
        ("translate", "삼월 3일"),
    ] {
        place.succeed(&["inspect", run, "--input", input, "--out", &format!("{run}/inside.html")]);
    }
    for (page, figures) in [
        ("forecast/report.html", 8),
        ("texts/report.html", 5),
        ("numbers/report.html", 6),
        ("tags/report.html", 5),
        ("regress/report.html", 5),
        ("attended/report.html", 5),
        ("over-time/report.html", 17),
        ("lm/report.html", 4),
        ("translate/report.html", 6),
        ("compare.html", 4),
        ("texts/inside.html", 3),
        ("numbers/inside.html", 4),
        ("tags/inside.html", 3),
        ("regress/inside.html", 3),
        ("lm/inside.html", 3),
        ("forecast/inside.html", 5),
        ("panel/inside.html", 5),
        ("translate/inside.html", 4),
    ] {
        for (width, dark) in [(1280, false), (1280, true), (500, false)] {
            let seen = open(&place, &place.path(page), width, dark);
            assert!(seen >= figures, "{page} at {width}: {seen} figures");
        }
    }
}
