"use strict";
// The what-if panel: the arithmetic of analysis.value.what_if on the numbers and with the words that the page holds.
(() => {
  const panel = document.querySelector(".rl-what-if");
  const data = JSON.parse(panel.querySelector(".rl-what-if-data").textContent);
  const moved = panel.querySelector(".rl-what-if-moved");
  const inputs = [...moved.querySelectorAll("input")];
  const outputs = [...moved.querySelectorAll("output")];
  const rows = [...moved.querySelectorAll("li")];

  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const dot = (some, others) => sum(some.map((number, place) => number * others[place]));

  const unpacked = ({ sizes, steps }) => {
    const view = new DataView(Uint8Array.from(atob(steps), (sign) => sign.charCodeAt(0)).buffer);
    const length = view.byteLength / 2 / (sizes.length || 1);
    return sizes.map((size, row) =>
      Array.from({ length }, (_, place) => size * view.getInt16(2 * (row * length + place), true)));
  };
  const models = data.models.map((model) => ({
    ...model,
    streams: [model.fit, ...model.components.map(unpacked)],
    draws: unpacked(model.draws),
  }));

  // What one unit of money of a quantity at each time counts for in profit.
  const weightsOf = ({ cost, joining }, setting) => {
    const delta = Math.log1p(setting.annual_discount_rate);
    return data.times.map((time) => {
      const left = Math.max(setting.horizon_years - time, 0);
      const stay = joining ? (delta ? -Math.expm1(-delta * left) / delta : left) : left > 0;
      return (cost ? -1 : setting.gross_margin) * Math.exp(-delta * time) * stay;
    });
  };

  // By Lagrange's formula; where no gain of zero is among the nodes, the change there is zero.
  const polynomialWeights = (gains, gain) => {
    const nodes = gains.includes(0) ? gains : [0, ...gains];
    return gains.map((node) => nodes.filter((other) => other !== node)
      .reduce((product, other) => product * (gain - other) / (node - other), 1));
  };

  // Profit before and the gain in it, at the fit and then by draw.
  const profitsOf = (model, setting) => {
    const weights = data.quantities.map((quantity) => weightsOf(quantity, setting));
    const shares = polynomialWeights(model.gains, setting.gain);
    const money = model.streams.map((stream) => {
      const [before, ...changes] = Array.from({ length: shares.length + 1 }, (_, block) =>
        sum(weights.map((weight, quantity) => dot(stream[block * weights.length + quantity], weight))));
      return { before, gain: dot(changes, shares) };
    });
    const [fit, ...directions] = money;
    const byDraw = (part) => Array.from({ length: model.count }, (_, draw) =>
      fit[part] + sum(directions.map((direction, place) => direction[part] * model.draws[place][draw])));
    return { before: [fit.before, ...byDraw("before")], gain: [fit.gain, ...byDraw("gain")] };
  };

  const ends = ([estimate, ...draws]) => {
    const sorted = draws.sort((one, other) => one - other);
    const quantile = (share) => {
      const place = share * (sorted.length - 1), below = Math.floor(place);
      return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
    };
    return [estimate, quantile((1 - data.level) / 2), quantile((1 + data.level) / 2)];
  };

  const outcome = (model, setting) => {
    if (setting.gain > model.largest) return { lift: null, gain: null, reason: "cannot_rise" };
    const { before, gain } = profitsOf(model, setting);
    const shown = { lift: null, gain: ends(gain), reason: "no_profit" };
    const losses = before.slice(1).filter((profit) => profit <= 0).length;
    if (before[0] <= 0 || losses / model.count > data.unprofitable) return shown;
    const lifts = before.map((profit, draw) => gain[draw] / profit).filter((_, draw) => before[draw] > 0);
    const inside = lifts.slice(1).filter((lift) => lift >= data.claimed[0] && lift <= data.claimed[1]).length;
    return { ...shown, lift: ends(lifts), chance: (inside + 0.5) / (model.count + 1), reason: null };
  };

  const formatted = (numbers, options, digits) => {
    const digitsShown = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const format = new Intl.NumberFormat(data.locale, { ...options, ...digitsShown });
    // A rounded zero carries no sign.
    const rounded = (number) => Number(number.toFixed(options.style === "percent" ? digits + 2 : digits)) + 0;
    return numbers.map((number) => format.format(rounded(number)).replace("-", "−"));
  };
  // As many decimals as the interval's width deserves.
  const percents = ([estimate, low, high]) => {
    const width = 100 * Math.abs(high - low);
    const digits = width ? Math.min(3, Math.max(0, Math.ceil(-Math.log10(width)))) : 0;
    return formatted([estimate, low, high], { style: "percent" }, digits);
  };
  const filled = (sentence, numbers) => sentence.replace(/\{(\w+)\}/g, (_, name) => numbers[name]);
  const money = (amounts) => {
    const digits = Math.max(...amounts.map(Math.abs)) >= 999.5 ? 0 : 2;
    return formatted(amounts.map(Math.abs), {}, digits).map((number, place) =>
      filled(data.money[amounts[place].toFixed(digits) < 0 ? 1 : 0], { number }));
  };
  const chanceSaid = (chance) => chance < data.limits[0] ? data.words.below
    : chance > data.limits[1] ? data.words.above : formatted([chance], { style: "percent" }, 0)[0];

  const draw = (row, found, place) => {
    const part = (name) => row.querySelector(`[data-part=${name}]`);
    const [estimate, lowest, highest] = found.lift ? percents(found.lift) : ["", "", ""];
    const said = found.lift ? [filled(data.words.chance, { chance: chanceSaid(found.chance) })] : [];
    part("lift").textContent = estimate;
    part("interval").textContent = found.lift
      ? filled(data.words.interval, { low: lowest, high: highest }) : data.words[found.reason];
    row.classList.toggle("rl-what-if-none", !found.lift);
    ["at", "low", "high"].forEach((name, index) => row.style.setProperty(`--${name}`, place(found.lift?.[index] ?? 0)));
    if (found.gain) {
      const [gain, low, high] = money(found.gain);
      said.push(filled(data.words.money, { gain, low, high }));
    }
    part("more").textContent = said.join(" ");
  };

  const update = () => {
    const atStart = inputs.every((input) => input.value === input.defaultValue);
    const setting = {};
    inputs.forEach((input, index) => {
      const { values, labels } = data.offered[input.name];
      setting[input.name] = values[input.value];
      outputs[index].textContent = labels[input.value];
      input.setAttribute("aria-valuetext", labels[input.value]);
    });
    // The report's own numbers where the report is, so that rounding cannot tell the two apart.
    const found = models.map((model) => atStart ? model.start : outcome(model, setting));
    const seen = found.flatMap(({ lift }) => lift ?? []);
    const top = Math.ceil(2 * Math.max(1, ...seen)) / 2, bottom = Math.min(0, ...seen);
    const place = (share) => `${100 * (share - bottom) / (top - bottom)}%`;
    moved.style.setProperty("--claimed-low", place(data.claimed[0]));
    moved.style.setProperty("--claimed-high", place(data.claimed[1]));
    moved.style.setProperty("--zero", place(0));
    ["zero", "top"].forEach((name, index) => {
      moved.querySelector(`[data-part=${name}]`).textContent = formatted([index * top], { style: "percent" }, 0)[0];
    });
    found.forEach((each, index) => draw(rows[index], each, place));
  };

  inputs.forEach((input) => input.addEventListener("input", update));
  moved.querySelector("button").addEventListener("click", () => {
    inputs.forEach((input) => { input.value = input.defaultValue; });
    update();
  });
  update();
  panel.querySelector("details").open = false;
  moved.hidden = false;
})();
