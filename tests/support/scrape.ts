/** The metrics of a process. */
export interface Scrape {
  text: string;
  /** The value of a series, written as in the text: `name{label="value"}`; undefined if it is missing. */
  value(series: string): number | undefined;
  /** The sum over all series of a name. */
  sum(name: string): number;
}

export const scrape = async (url: string): Promise<Scrape> => {
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}/metrics answered ${response.status}: ${text}`);
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  const values = new Map(lines.map((line) => line.split(/ (?=\S+$)/) as [string, string]));
  return {
    text,
    value: (series) => (values.has(series) ? Number(values.get(series)) : undefined),
    sum: (name) =>
      [...values].reduce((sum, [series, value]) => (series.split('{')[0] === name ? sum + Number(value) : sum), 0),
  };
};
