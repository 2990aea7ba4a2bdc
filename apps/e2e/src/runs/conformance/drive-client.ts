/**
 * What the official suite starts for each client scenario, with the address of the scenario's server as the last
 * argument. It tells the run where that server is and ends when the run is done with it.
 */
const [meetingUrl = '', scenario = '', context = '', serverUrl = ''] = process.argv.slice(2);
const response = await fetch(meetingUrl, {
  method: 'POST',
  body: JSON.stringify({ scenario, serverUrl, ...(context === '' ? {} : { context }) }),
});
if (!response.ok) {
  process.stderr.write(`${await response.text()}\n`);
  process.exitCode = 1;
}
