/* Lines and groups of the native fan-out (see native.c, which is compiled behind this file): who gets what
 * under which key. All functions but the two *_free are called from one thread, the event loop's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define ADDRESS 28
#define SOURCE 40 /* CMSG_SPACE of an in6_pktinfo */

#define ADD(place, n) __atomic_add_fetch(&(place), (n), __ATOMIC_RELAXED)
#define GET(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)

typedef int (*protect_t)(void *, void *, int *);

/* One viewer's encrypted path. srtp is NULL once it is closed. */
typedef struct {
  pthread_mutex_t lock;
  void *srtp;
  uint8_t address[ADDRESS];
  uint32_t address_length;
  uint8_t source[SOURCE]; /* a control message: which of our addresses to send from */
  uint32_t source_length; /* 0: as the routing table says */
  uint64_t dropped;
  int references;
} line_t;

typedef struct { line_t *line; uint32_t payload_type; } seat_t;

/* Who is in a group; shared by the group and the bursts on their way to it, changed only while unshared. */
typedef struct { int references, count, room; seat_t seats[]; } audience_t;

typedef struct {
  audience_t *audience;
  uint64_t sent;
  int references;
} group_t;

/* -- lines ----------------------------------------------------------------------------------------- */

line_t *line_new(void *srtp) {
  line_t *l = calloc(1, sizeof(line_t));
  if (!l) return NULL;
  pthread_mutex_init(&l->lock, NULL);
  l->srtp = srtp;
  l->references = 1;
  return l;
}

void line_free(line_t *l) {
  if (__atomic_sub_fetch(&l->references, 1, __ATOMIC_ACQ_REL)) return;
  pthread_mutex_destroy(&l->lock);
  free(l);
}

void line_move(line_t *l, const uint8_t *address, uint32_t length, const uint8_t *source, uint32_t source_length) {
  pthread_mutex_lock(&l->lock);
  memcpy(l->address, address, length);
  l->address_length = length;
  memcpy(l->source, source, source_length);
  l->source_length = source_length;
  pthread_mutex_unlock(&l->lock);
}

/* After this the session is never used again and may be freed. */
void line_close(line_t *l) {
  pthread_mutex_lock(&l->lock);
  l->srtp = NULL;
  pthread_mutex_unlock(&l->lock);
}

uint64_t line_dropped(line_t *l) { return GET(l->dropped); }

/* Encrypt one packet with srtp_protect or srtp_protect_rtcp and send it at once: 1 sent, 0 not taken by
 * the system, -1 not encrypted. `data` must have room for the trailer. */
int line_send(line_t *l, void *protect, int fd, uint8_t *data, int length) {
  int result = -1;
  pthread_mutex_lock(&l->lock);
  if (l->srtp && ((protect_t)protect)(l->srtp, data, &length) == 0) {
    struct iovec vector = {data, length};
    struct msghdr h = {0};
    h.msg_name = l->address;
    h.msg_namelen = l->address_length;
    h.msg_iov = &vector;
    h.msg_iovlen = 1;
    h.msg_control = l->source_length ? l->source : NULL;
    h.msg_controllen = l->source_length;
    result = sendmsg(fd, &h, MSG_DONTWAIT) >= 0;
  }
  pthread_mutex_unlock(&l->lock);
  return result;
}

/* -- groups: called from one thread, the event loop's ------------------------------------------------- */

static void audience_free(audience_t *a) {
  if (!a || __atomic_sub_fetch(&a->references, 1, __ATOMIC_ACQ_REL)) return;
  for (int i = 0; i < a->count; i++) line_free(a->seats[i].line);
  free(a);
}

static audience_t *audience_new(int room) {
  audience_t *a = calloc(1, sizeof(audience_t) + room * sizeof(seat_t));
  if (a) a->references = 1, a->room = room;
  return a;
}

group_t *group_new(void) {
  group_t *g = calloc(1, sizeof(group_t));
  if (!g) return NULL;
  g->references = 1;
  g->audience = audience_new(4);
  if (!g->audience) { free(g); return NULL; }
  return g;
}

void group_free(group_t *g) {
  if (__atomic_sub_fetch(&g->references, 1, __ATOMIC_ACQ_REL)) return;
  audience_free(g->audience);
  free(g);
}

uint64_t group_sent(group_t *g) { return GET(g->sent); }

/* An audience nobody else looks at, with room for one more. */
static int make_private(group_t *g) {
  audience_t *old = g->audience, *own;
  if (__atomic_load_n(&old->references, __ATOMIC_ACQUIRE) == 1 && old->count < old->room) return 1;
  own = audience_new(old->count < old->room ? old->room : 2 * old->room);
  if (!own) return 0;
  own->count = old->count;
  memcpy(own->seats, old->seats, old->count * sizeof(seat_t));
  for (int i = 0; i < own->count; i++) ADD(own->seats[i].line->references, 1);
  g->audience = own;
  audience_free(old);
  return 1;
}

int group_add(group_t *g, line_t *l, uint32_t payload_type) {
  if (!make_private(g)) return 0;
  ADD(l->references, 1);
  g->audience->seats[g->audience->count++] = (seat_t){l, payload_type};
  return 1;
}

int group_remove(group_t *g, line_t *l) {
  if (!make_private(g)) return 0;
  audience_t *a = g->audience;
  for (int i = 0; i < a->count; i++) {
    if (a->seats[i].line != l) continue;
    a->seats[i] = a->seats[--a->count];
    line_free(l);
    break;
  }
  return 1;
}
