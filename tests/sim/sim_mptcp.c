/*
 * The two directions of the connection above its subflows: the default scheduler, the shared
 * window, re-injection. A chunk is what one segment carries. Knows nothing of how subflows come and
 * go.
 */
#include <stdlib.h>
#include "sim_internal.h"

static struct sim_chunk *chunk_at(const struct sim_stream *st, uint64_t n)
{
	return &st->chunks[n % SIM_CHUNKS];
}

/* pick(): the default scheduler: the subflow that would be through soonest, the earlier where
 * equal; backups only where there is no other; NULL: none, or the chosen one has no room. */
static struct sim_end *pick(struct sim_stream *st)
{
	struct sim *s = st->s;
	struct sim_end *best = NULL, *best_backup = NULL;
	const struct sim_subflow *last = st->burst ? st->last : NULL;

	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_end *e = &s->live[i]->ends[st->dir];
		struct sim_end **which = e->backup ? &best_backup : &best;

		if (!e->open || !e->usable || e->stale)
			continue;
		if (e->f == last && !e->backup && sim_end_room(e)) {
			st->burst--;
			return e;
		}
		if (!*which || sim_end_queued(e) < sim_end_queued(*which))
			*which = e;
	}
	best = best ? best : best_backup;
	if (!best || !sim_end_room(best))
		return NULL;
	st->last = best->f;
	st->burst = SIM_BURST;
	return best;
}

bool sim_other_lives(const struct sim *s, const struct sim_end *e, bool backups)
{
	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_end *o = &s->live[i]->ends[e->dir];

		if (o != e && o->open && o->usable && !o->stale && (backups || !o->backup))
			return true;
	}
	return false;
}

static void put(struct sim_stream *st, struct sim_end *e, uint64_t n)
{
	sim_end_queue(e, n, chunk_at(st, n)->len);
	sim_end_output(e);
}

/* blocked(): the peer's window is shut. With nothing under way only a probe hears of its opening.
 */
static void blocked(struct sim_stream *st)
{
	if (st->una == st->nxt && st->probe.at_ns == BRI_NEVER)
		sim_arm(st->s, &st->probe,
			st->s->now_ns + (SIM_RTO_MIN_NS << (st->probes < 8 ? st->probes : 8)));
}

static void on_probe(struct sim *s, void *arg, uint64_t tag)
{
	struct sim_stream *st = arg;
	struct sim_end *e = pick(st);

	(void)tag;
	if (st->una != st->nxt || st->nxt == st->end)
		return;
	st->probes++;
	if (e) {
		struct sim_packet *p = sim_packet(s, e->f, SIM_WINDOW_PROBE, st->dir);

		p->ack = e->rcv_nxt;
		sim_stream_stamp(&s->streams[!st->dir], p);
		sim_send(s, p);
	}
	blocked(st);
}

void sim_stream_output(struct sim_stream *st)
{
	struct sim_end *e;

	while (st->again_head < st->again_tail) {
		uint64_t n = st->again[st->again_head % SIM_CHUNKS];

		if (n >= st->una) {
			e = pick(st);
			if (!e)
				return;
			st->again_head++;
			put(st, e, n);
		} else {
			st->again_head++;
		}
	}
	while (st->nxt < st->end) {
		const struct sim_chunk *c = chunk_at(st, st->nxt);

		if (c->offset + c->len > st->window_end) {
			blocked(st);
			return;
		}
		e = pick(st);
		if (!e)
			return;
		put(st, e, st->nxt++);
	}
	st->burst = 0; /* nothing is left: the next write chooses anew */
}

void sim_stream_again(struct sim_stream *st, uint64_t chunk)
{
	if (chunk < st->una || st->again_tail - st->again_head >= SIM_CHUNKS)
		return;
	st->again[st->again_tail++ % SIM_CHUNKS] = chunk;
}

bool sim_stream_write(struct sim_stream *st, uint32_t bytes, uint64_t created_ns)
{
	if (st->end - st->una + bytes / SIM_MSS + 2 > SIM_CHUNKS)
		return false;
	st->s->moved += bytes;
	while (bytes) {
		uint16_t len = (uint16_t)bri_min_u64(bytes, SIM_MSS);

		bytes -= len;
		*chunk_at(st, st->end++) = (struct sim_chunk) { .created_ns = created_ns,
			.offset = st->written_bytes,
			.len = len,
			.last = !bytes };
		st->written_bytes += len;
	}
	sim_stream_output(st);
	return true;
}

void sim_stream_received(struct sim_stream *st, uint64_t chunk)
{
	if (chunk < st->rcv_nxt || st->got[chunk % SIM_CHUNKS])
		return; /* came on another subflow too */
	st->got[chunk % SIM_CHUNKS] = 1;
	while (st->got[st->rcv_nxt % SIM_CHUNKS]) {
		const struct sim_chunk c = *chunk_at(st, st->rcv_nxt);

		st->got[st->rcv_nxt++ % SIM_CHUNKS] = 0;
		st->rcv_offset += c.len;
		if (st->reading)
			st->read_offset = st->rcv_offset;
		sim_load_delivered(st->s, st->dir, &c);
	}
}

void sim_stream_acked(struct sim_stream *st, uint64_t data_ack, uint64_t window_end)
{
	if (window_end > st->window_end) {
		st->window_end = window_end;
		st->probes = 0;
	}
	if (data_ack > st->una) {
		st->una = data_ack;
		sim_load_room(st->s, st->dir);
	}
	sim_stream_output(st);
}

void sim_stream_stamp(const struct sim_stream *st, struct sim_packet *packet)
{
	packet->data_ack = st->rcv_nxt;
	packet->window_end = st->read_offset + SIM_WINDOW;
}

/* sim_stream_read(): the reader goes on or not. Going on, it tells on all subflows, as Linux does.
 */
void sim_stream_read(struct sim_stream *st, bool reading)
{
	struct sim *s = st->s;

	st->reading = reading;
	if (!reading)
		return;
	st->read_offset = st->rcv_offset;
	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_end *e = &s->live[i]->ends[!st->dir];

		if (e->open && e->usable)
			sim_end_ack_now(e);
	}
}

void sim_stream_init(struct sim *s, uint8_t dir)
{
	struct sim_stream *st = &s->streams[dir];

	*st = (struct sim_stream) { .s = s, .dir = dir, .reading = true, .window_end = SIM_WINDOW };
	st->chunks = sim_alloc(SIM_CHUNKS, sizeof(*st->chunks));
	st->again = sim_alloc(SIM_CHUNKS, sizeof(*st->again));
	st->got = sim_alloc(SIM_CHUNKS, 1);
	st->probe = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_probe, st };
}

void sim_stream_fini(struct sim_stream *st)
{
	free(st->chunks);
	free(st->again);
	free(st->got);
}
