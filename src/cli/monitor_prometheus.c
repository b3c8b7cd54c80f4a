/*
 * `braid monitor` in Prometheus' text format 0.0.4, for the textfile collector of node_exporter:
 * all samples of a metric stand together under its HELP and TYPE.
 */
#include <inttypes.h>
#include "cli/monitor_output.h"

enum metric {
	CONNECTION_SENT,
	CONNECTION_RECEIVED,
	CONNECTION_SUBFLOWS,
	CONNECTION_MULTIPATH,
	SUBFLOW_SENT,
	SUBFLOW_RECEIVED,
	SUBFLOW_RETRANSMITTED,
	SUBFLOW_RETRANSMITS,
	SUBFLOW_RTT,
	SUBFLOW_CWND,
	SUBFLOW_BACKUP,
	SUBFLOW_STALLED,
	METRICS,
};

static const struct {
	const char *name, *type, *help;
} metrics[METRICS] = {
	[CONNECTION_SENT] = { "braid_connection_sent_bytes_total", "counter",
		"Bytes sent by the program." },
	[CONNECTION_RECEIVED] = { "braid_connection_received_bytes_total", "counter",
		"Bytes received for the program." },
	[CONNECTION_SUBFLOWS] = { "braid_connection_subflows", "gauge",
		"Subflows the connection has now." },
	[CONNECTION_MULTIPATH] = { "braid_connection_multipath", "gauge",
		"1, or 0 when the connection fell back to TCP." },
	[SUBFLOW_SENT] = { "braid_subflow_sent_bytes_total", "counter",
		"Bytes sent on the subflow, retransmissions included." },
	[SUBFLOW_RECEIVED] = { "braid_subflow_received_bytes_total", "counter",
		"Bytes received on the subflow." },
	[SUBFLOW_RETRANSMITTED] = { "braid_subflow_retransmitted_bytes_total", "counter",
		"Bytes sent again on the subflow." },
	[SUBFLOW_RETRANSMITS] = { "braid_subflow_retransmits_total", "counter",
		"Segments sent again on the subflow." },
	[SUBFLOW_RTT] = { "braid_subflow_rtt_seconds", "gauge", "Smoothed round-trip time." },
	[SUBFLOW_CWND] = { "braid_subflow_cwnd_segments", "gauge", "Congestion window." },
	[SUBFLOW_BACKUP] = { "braid_subflow_backup", "gauge",
		"1 when the subflow is only used if no other can be." },
	[SUBFLOW_STALLED] = { "braid_subflow_stalled", "gauge",
		"1 when repeated retransmissions had no answer." },
};

static bool of_subflows(enum metric metric)
{
	return metric >= SUBFLOW_SENT;
}

/* A label's value: backslash, quote and newline are escaped; bytes that are not harmless are not
 * written at all, since the format demands UTF-8. */
static void put_label(FILE *file, const char *name, const char *value)
{
	char text[BRI_LINE_BYTES(100)];
	struct bri_line line;

	bri_line_init(&line, text, sizeof(text), 100, true, false);
	bri_line_put(&line, value);
	fprintf(file, "%s=\"", name);
	for (const char *p = text; *p; p++) {
		if (*p == '\\' || *p == '"')
			putc('\\', file);
		putc(*p, file);
	}
	putc('"', file);
}

static void put_addr(FILE *file, const char *name, const struct bri_monitor_addr *addr)
{
	char text[BRI_MONITOR_ADDR_SIZE];

	bri_monitor_addr(addr, text);
	put_label(file, name, text);
}

static void put_labels(
	FILE *file, const struct bri_monitor_track *track, const struct bri_monitor_path *path)
{
	fprintf(file, "{connection=\"%" PRIu64 "\",", track->now.cookie);
	put_label(file, "program", track->now.program);
	fprintf(file, ",pid=\"%d\",", track->now.pid);
	put_label(file, "service", track->now.service);
	putc(',', file);
	if (path) {
		fprintf(file, "subflow=\"%" PRIu64 "\",", path->now.cookie);
		put_label(file, "interface", path->now.interface);
		putc(',', file);
	}
	put_addr(file, "local", path ? &path->now.local : &track->now.local);
	putc(',', file);
	put_addr(file, "remote", path ? &path->now.remote : &track->now.remote);
	fputs("} ", file);
}

static uint64_t value_of(enum metric metric, const struct bri_monitor_track *track,
	const struct bri_monitor_path *path)
{
	switch (metric) {
	case CONNECTION_SENT: return track->tx_bytes;
	case CONNECTION_RECEIVED: return track->rx_bytes;
	case CONNECTION_SUBFLOWS: return track->n_paths;
	case CONNECTION_MULTIPATH: return !track->now.fallback;
	case SUBFLOW_SENT: return path->now.tx_bytes;
	case SUBFLOW_RECEIVED: return path->now.rx_bytes;
	case SUBFLOW_RETRANSMITTED: return path->now.retransmitted_bytes;
	case SUBFLOW_RETRANSMITS: return path->now.retransmits;
	case SUBFLOW_RTT: return path->now.rtt_us;
	case SUBFLOW_CWND: return path->now.cwnd;
	case SUBFLOW_BACKUP: return path->now.backup_local || path->now.backup_remote;
	case SUBFLOW_STALLED: return path->stalled;
	case METRICS: break;
	}
	return 0;
}

static void put_sample(FILE *file, enum metric metric, const struct bri_monitor_track *track,
	const struct bri_monitor_path *path)
{
	uint64_t value = value_of(metric, track, path);

	if (metric == SUBFLOW_RTT && value == 0)
		return; /* not measured yet */
	fputs(metrics[metric].name, file);
	put_labels(file, track, path);
	if (metric == SUBFLOW_RTT)
		fprintf(file, "%" PRIu64 ".%06" PRIu64 "\n", value / 1000000, value % 1000000);
	else
		fprintf(file, "%" PRIu64 "\n", value);
}

static void put_metric(
	const struct bri_monitor_model *model, const char *filter, enum metric metric, FILE *file)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", metrics[metric].name, metrics[metric].help,
		metrics[metric].name, metrics[metric].type);
	for (size_t i = 0; i < model->n_tracks; i++) {
		const struct bri_monitor_track *track = &model->tracks[i];

		if (!bri_monitor_matches(model, track, filter))
			continue;
		if (!of_subflows(metric)) {
			put_sample(file, metric, track, NULL);
			continue;
		}
		for (size_t k = 0; k < track->n_paths; k++)
			put_sample(file, metric, track, &model->paths[track->first_path + k]);
	}
}

static void put_gauge(FILE *file, const char *name, const char *help, uint64_t value)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help, name, name,
		value);
}

void bri_monitor_prometheus(const struct bri_monitor_model *model, const char *filter, FILE *file)
{
	put_gauge(file, "braid_connections", "Multipath TCP connections of this host.",
		model->n_tracks);
	put_gauge(file, "braid_subflows", "Subflows of all connections.", model->n_paths);
	put_gauge(file, "braid_monitor_complete",
		"0 when the kernel's tables changed while they were read, or held too much.",
		model->complete && !model->cut);
	for (enum metric metric = 0; metric < METRICS; metric++)
		put_metric(model, filter, metric, file);
}
