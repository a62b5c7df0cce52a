// Beijing time, whatever the clock of the visitor's machine is set to.
const BEIJING = { timeZone: "Asia/Shanghai" };
const SECONDS = new Intl.DateTimeFormat("en-GB", { ...BEIJING, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DATE = new Intl.DateTimeFormat("sv-SE", { ...BEIJING, dateStyle: "short", timeStyle: "short" });

/** A moment (anything Date takes) as HH:MM:SS; a dash for none. */
export const clock = (moment) => (moment ? SECONDS.format(new Date(moment)) : "—");

/** The same as HH:MM. */
export const minute = (moment) => clock(moment).slice(0, 5);

/** The same as YYYY-MM-DD HH:MM. */
export const date = (moment) => (moment ? DATE.format(new Date(moment)) : "—");
