// Lets the dear models be used from Monday to Friday, 7 to 19 o'clock UTC.
const DEAR = /opus|gpt-5-pro/;

export function onRequest(context) {
  const now = new Date();
  const isDay = now.getUTCDay() >= 1 && now.getUTCDay() <= 5;
  const isHour = now.getUTCHours() >= 7 && now.getUTCHours() < 19;
  if (DEAR.test(context.model) && !(isDay && isHour)) {
    refuse(403, `${context.model} can be used from Monday to Friday, 7:00 to 19:00 UTC`);
  }
}
