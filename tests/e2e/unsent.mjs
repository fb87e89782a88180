// Sends a form of the app after the sign-in has ended, signs in beside it, and loads the answer again, in a real Chromium.
//
// Reads one JSON object from the environment variable VISIT:
//   server        "127.0.0.1:PORT" that answers for `origin`
//   origin        what the browser sees
//   name, password, code   the account, and a code for it
//   tools         folder with node_modules
// Ends with status 0, or 1 and the reason on stderr.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const visit = JSON.parse(process.env.VISIT);
const { chromium } = createRequire(join(visit.tools, 'package.json'))('playwright-core');

const { host } = new URL(visit.origin);
const FORM = `${visit.origin}/form`;
const COMMENTS = `${visit.origin}/comments?on=7`;

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  chromiumSandbox: process.getuid() !== 0,
  args: [`--host-resolver-rules=MAP ${host}:80 ${visit.server}`, '--disable-quic'],
});
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(30_000);
  // Loaded while there was a sign-in.
  const body = `<form method="post" action="${COMMENTS}"><textarea name="text"></textarea><button>Send</button></form>`;
  await context.route(FORM, (route) => route.fulfill({ contentType: 'text/html', body }));
  const page = await context.newPage();
  await page.goto(FORM);
  await page.fill('textarea', 'a long comment');
  const [answer] = await Promise.all([page.waitForNavigation(), page.click('button')]);
  assert.equal(answer.status(), 401);
  assert.match(await page.textContent('main'), /was not passed on/);

  const [beside] = await Promise.all([context.waitForEvent('page'), page.click('a.button')]);
  const send = () => Promise.all([beside.waitForNavigation(), beside.click('button[type=submit]')]);
  await beside.fill('input[name=username]', visit.name);
  await beside.fill('input[name=password]', visit.password);
  await send();
  await beside.click('text=backup code');
  await beside.fill('input[name=code]', visit.code);
  await send();
  assert.equal(beside.url(), COMMENTS);

  const again = await page.reload();
  assert.equal(again.status(), 200);
  const seen = await again.json();
  assert.equal(seen.method, 'POST');
  assert.equal(seen.body_length, 'text=a+long+comment'.length);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await browser.close();
}
