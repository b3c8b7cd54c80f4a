/* See ws_head.h. */
#include "proto/ws/ws_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_ROOM 1024u

void bri_ws_head_init(struct bri_ws_head *head)
{
	head->text = NULL;
	head->size = head->room = head->line = head->n = 0;
	head->has_start = false;
}

void bri_ws_head_fini(struct bri_ws_head *head)
{
	free(head->text);
	bri_ws_head_init(head);
}

bool bri_ws_head_is_token(const char *text, size_t size)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < size; i++) {
		unsigned c = (unsigned char)text[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (!alnum && (!c || !memchr(marks, (int)c, sizeof(marks) - 1)))
			return false;
	}
	return size > 0;
}

bool bri_ws_head_is_value(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* A header line, its end already cut off: text[at] to text[end]. */
static int on_field(struct bri_ws_head *head, size_t at, size_t end)
{
	char *text = head->text, *colon = memchr(text + at, ':', end - at);
	size_t value;

	/* this refuses folded lines too, and space before the colon */
	if (!colon || !bri_ws_head_is_token(text + at, (size_t)(colon - (text + at))))
		return -EPROTO;
	value = (size_t)(colon - text) + 1;
	while (value < end && is_space(text[value]))
		value++;
	while (end > value && is_space(text[end - 1]))
		end--;
	if (!bri_ws_head_is_value(text + value, end - value))
		return -EPROTO;
	if (head->n == BRI_WS_HEAD_FIELDS_MAX)
		return -EMSGSIZE;
	*colon = 0;
	text[end] = 0;
	head->fields[head->n++] = (struct bri_ws_field) { (uint16_t)at, (uint16_t)value };
	return 0;
}

/* The line text[at] to text[end], with its LF at the end. 0: it was the empty one. */
static int on_line(struct bri_ws_head *head, size_t at, size_t end)
{
	int r;

	if (end - at < 2 || head->text[end - 2] != '\r')
		return -EPROTO;
	end -= 2;
	head->text[end] = 0;
	if (!head->has_start) {
		if (end == at || !bri_ws_head_is_value(head->text + at, end - at))
			return -EPROTO;
		head->has_start = true;
		return BRI_WS_HEAD_MORE;
	}
	if (end == at)
		return 0;
	r = on_field(head, at, end);
	return r < 0 ? r : BRI_WS_HEAD_MORE;
}

static int make_room(struct bri_ws_head *head, size_t size)
{
	size_t room = head->room ? head->room : FIRST_ROOM;
	char *grown;

	while (room < head->size + size)
		room *= 2;
	if (room == head->room)
		return 0;
	grown = realloc(head->text, room);
	if (!grown)
		return -ENOMEM;
	head->text = grown;
	head->room = room;
	return 0;
}

/* TLS or other binary data is told at once, not when its first LF happens to come. */
static bool is_text(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != '\r' && bytes[i] != '\n' && !bri_ws_head_is_value(bytes + i, 1))
			return false;
	}
	return true;
}

int bri_ws_head_rx(struct bri_ws_head *head, const void *bytes, size_t size, size_t *ret_used)
{
	const char *from = bytes;
	size_t used = 0;
	int r = BRI_WS_HEAD_MORE;

	/* up to the next LF at a time, so that nothing behind the head is taken */
	while (r == BRI_WS_HEAD_MORE && used < size) {
		const char *lf = memchr(from + used, '\n', size - used);
		size_t n = lf ? (size_t)(lf + 1 - (from + used)) : size - used;

		if (n > BRI_WS_HEAD_MAX - head->size)
			r = -EMSGSIZE;
		else if (!is_text(from + used, n))
			r = -EPROTO;
		else
			r = make_room(head, n);
		if (r < 0)
			break;
		memcpy(head->text + head->size, from + used, n);
		head->size += n;
		used += n;
		r = BRI_WS_HEAD_MORE;
		if (lf) {
			r = on_line(head, head->line, head->size);
			head->line = head->size;
		}
	}
	*ret_used = used;
	return r;
}

const char *bri_ws_head_start(const struct bri_ws_head *head)
{
	return head->text;
}

const char *bri_ws_head_name(const struct bri_ws_head *head, size_t i)
{
	return head->text + head->fields[i].name;
}

const char *bri_ws_head_value(const struct bri_ws_head *head, size_t i)
{
	return head->text + head->fields[i].value;
}

const char *bri_ws_head_find(const struct bri_ws_head *head, const char *name, size_t *ret_count)
{
	const char *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < head->n; i++) {
		if (strcasecmp(bri_ws_head_name(head, i), name) == 0) {
			found = bri_ws_head_value(head, i);
			++*ret_count;
		}
	}
	return *ret_count == 1 ? found : NULL;
}

const char *bri_ws_head_next_word(const char **cursor, size_t *ret_size)
{
	const char *word = *cursor + strspn(*cursor, ", \t");
	size_t size = strcspn(word, ",");

	*cursor = word + size;
	while (size && is_space(word[size - 1]))
		size--;
	*ret_size = size;
	return size ? word : NULL;
}

bool bri_ws_head_has_word(const struct bri_ws_head *head, const char *name, const char *word)
{
	for (size_t i = 0; i < head->n; i++) {
		const char *cursor = bri_ws_head_value(head, i), *found;
		size_t size;

		if (strcasecmp(bri_ws_head_name(head, i), name) != 0)
			continue;
		while ((found = bri_ws_head_next_word(&cursor, &size))) {
			if (size == strlen(word) && strncasecmp(found, word, size) == 0)
				return true;
		}
	}
	return false;
}
