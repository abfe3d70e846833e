//! The decks of loops, as text: a person could have written them, and finds them beside the plots.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;

use crate::portrait::settings::{Settled, sine};
use crate::portrait::subject::Shown;
use crate::portrait::{Subject, quantity, try_out};

/// Seconds that a look ahead may take.
pub const LONGEST: f64 = 5.0;

/// As fine as a plot shows. Draws of noise, each of which begins anew, cost half of what they do at the default tolerance.
pub const FINE: &str = "reltol=1e-4";

/// Two periods of a sine, of which the second is measured: greatest and least value of each state, then greatest drive.
pub fn trial(subject: &Subject, ends: (f64, f64), (frequency, series, read): (f64, f64, f64)) -> String {
    let period = 1.0 / frequency;
    let measure = |s: &str| format!(".measure tran top_{s} max x1.{s}\n.measure tran low_{s} min x1.{s}\n");
    let measures: String = subject.plain_states().iter().map(|s| measure(s)).collect();
    format!(
        "trial\n{}.options reltol=1e-3\n.tran {:e} {:e} {period:e}\n{measures}.measure tran reach max v({})\n.end\n",
        subject.circuit(&sine(ends, &format!("{frequency:e}")), series, read),
        0.02 * period,
        2.0 * period,
        subject.node
    )
}

/// Loops of current and voltage at three frequencies.
pub fn loops(subject: &Subject, settings: &Settled, stop: &AtomicBool) -> String {
    let linear = loops_with(subject, settings, true, None);
    let (flows, least) = currents(&linear, &subject.current, stop);
    // The current of a charge says nothing by its decades.
    let least = least.filter(|_| subject.conducts);
    if flows && least.is_none() { linear } else { loops_with(subject, settings, flows, least) }
}

/// `flows`: there is a current to draw; `least`: currents from here on are also drawn by their logarithms.
fn loops_with(subject: &Subject, settings: &Settled, flows: bool, least: Option<f64>) -> String {
    let Settled { amplitude, low, frequency, series, read, .. } = settings;
    let Subject { current, node, name, .. } = subject;
    let mut out = format!("{name}: loops of current and voltage\n");
    let _ = writeln!(
        out,
        "* The third period of a sine, at three frequencies. The loop of a memristor shrinks as the frequency rises,"
    );
    let _ = writeln!(out, "* and passes through the origin.");
    let _ = writeln!(out, ".param amplitude={amplitude} low={low} f={frequency:e}");
    out.push_str(&subject.circuit("SIN({(amplitude+low)/2} {(amplitude-low)/2} {f})", *series, *read));
    let _ = writeln!(out, ".options ppp=200 {FINE}\n.tran {{0.002/f}} {{3/f}} {{1.99/f}}");
    let _ = writeln!(out, ".step param f list {:e} {frequency:e} {:e}", frequency / 10.0, frequency * 10.0);
    let bias = if subject.separate() { format!(", read at {}", quantity(*read, "V")) } else { String::new() };
    let under = match *low == -*amplitude {
        true => format!("a sine of {}", subject.level(*amplitude)),
        false => format!("{} to {}", subject.level(*low), subject.level(*amplitude)),
    };
    let title = format!("{name} under {under}{}{bias}", subject.place());
    let labels = format!("xlabel=\"{}\" ylabel=\"{}\"", subject.abscissa(), subject.ordinate());
    if flows {
        let _ = writeln!(out, ".plot tran {current} vs v({node}) title=\"{title}\" {labels} file=iv");
    }
    if let Some(least) = least.filter(|_| flows) {
        let labels = format!("xlabel=\"{}\" ylabel=\"magnitude of the {}\"", subject.abscissa(), subject.ordinate());
        let _ = writeln!(out, ".plot tran abs({current}) vs v({node}) ylog ymin={least:e} title=\"{title}\" {labels} file=iv-log");
    }
    let xlabel = format!("xlabel=\"{}\"", subject.abscissa());
    if let Some(Shown { name, label, expression }) = &subject.show {
        let _ = writeln!(out, ".plot tran {expression} vs v({node}) title=\"{title}\" {xlabel} ylabel=\"{label}\" file=iv-{name}");
    }
    let states = subject.plain_states();
    if !states.is_empty() {
        let curves: Vec<String> = states.iter().take(4).map(|s| format!("x1.{s} vs v({node})")).collect();
        let _ = writeln!(out, ".plot tran {} title=\"States of {title}\" {xlabel} file=iv-states", curves.join(" "));
    }
    out.push_str(".end\n");
    out
}

/// Whether a current flows at all, and the power of ten below most currents, where they go over several decades.
fn currents(deck: &str, current: &str, stop: &AtomicBool) -> (bool, Option<f64>) {
    let Ok(members) = try_out(deck, LONGEST, stop) else { return (true, None) };
    let all = || members.iter().flatten().flat_map(|outcome| outcome.data.real(current).unwrap_or(&[]));
    let mut sizes: Vec<f64> = all().map(|i| i.abs()).filter(|i| *i > 0.0).collect();
    sizes.sort_by(f64::total_cmp);
    let (Some(low), Some(most)) = (sizes.get(sizes.len() / 10), sizes.last()) else { return (all().next().is_none(), None) };
    (true, (*most > 1e3 * low).then(|| 10f64.powf((0.3 * low).log10().floor())))
}
