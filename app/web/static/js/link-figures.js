// What a seat tells of its connection, out of a browser's own statistics (RTCStatsReport).

const LIMITS = ["none", "cpu", "bandwidth"];

/**
 * The figures of a `stats` message since the report before.
 *
 * report: a Map of statistics by id. camera: id of the camera's track, or undefined. before: `sent` of the last call, or null.
 * Gives {told: the message's fields, null on the first call, sent}.
 */
export function figures(report, camera, before) {
  const all = [...report.values()];
  const of = (type) => all.filter((one) => one.type === type);
  const sources = of("media-source");
  const sending = of("outbound-rtp");
  const pictures = sending.find((one) => {
    const source = report.get(one.mediaSourceId) ?? sources.find(({ id }) => id === one.mediaSourceId);
    return one.kind === "video" && camera !== undefined && source?.trackIdentifier === camera;
  });
  const pair = all.find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
  const way = pair && report.get(pair.localCandidateId);
  const sent = { at: Math.max(...all.map((one) => one.timestamp), 0), bytes: total(sending, "bytesSent") };
  if (!before || sent.at <= before.at) return { told: null, sent };
  const losses = of("remote-inbound-rtp").map((one) => one.fractionLost).filter(Number.isFinite);
  return {
    sent,
    told: {
      rtt_ms: whole(pair?.currentRoundTripTime, 1000, 60_000),
      loss_permille: losses.length ? whole(Math.max(...losses), 1000, 1000) : null,
      kbps: whole((Math.max(sent.bytes - before.bytes, 0) * 8) / (sent.at - before.at), 1, 1_000_000),
      fps: pictures ? whole(pictures.framesPerSecond ?? 0, 1, 240) : null,
      width: whole(pictures?.frameWidth, 1, 16_384),
      height: whole(pictures?.frameHeight, 1, 16_384),
      limit: limit(pictures?.qualityLimitationReason),
      relay: way?.candidateType === "relay",
    },
  };
}

function total(all, name) {
  return all.reduce((sum, one) => sum + (one[name] ?? 0), 0);
}

function whole(value, times, most) {
  return Number.isFinite(value) ? Math.min(Math.max(Math.round(value * times), 0), most) : null;
}

function limit(reason) {
  if (reason === undefined) return "none";
  return LIMITS.includes(reason) ? reason : "other";
}
