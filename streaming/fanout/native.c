/* The native fan-out: encrypt a burst of RTP packets for every viewer and hand it to the kernel.
 *
 * libsrtp is not linked: pylibsrtp's own srtp_protect is passed in as a pointer, so that both sides use
 * the same sessions. Packets of equal length that follow each other travel as one UDP_SEGMENT message
 * (the kernel cuts them apart again), which halves the cost per packet where a frame has several. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define MESSAGES 64       /* messages a sendmmsg call carries */
#define ARENA (256 * 1024)
#define SEGMENTS 44       /* packets of one UDP_SEGMENT message; the kernel's limit is 64 and 64 KiB */
#define SEGMENT_BYTES 60000
#define MAX_PACKET 1500
#define TRAILER 144

typedef struct {
  void *srtp;
  uint8_t address[28];
  uint32_t address_length;
  uint32_t payload_type;
  uint64_t dropped;
} viewer_t;

typedef int (*protect_t)(void *, void *, int *);

typedef struct {
  struct mmsghdr message[MESSAGES];
  struct iovec vector[MESSAGES];
  char control[MESSAGES][CMSG_SPACE(sizeof(uint16_t))];
  viewer_t *owner[MESSAGES];
  int packets[MESSAGES];
  int segment[MESSAGES];
  int count;
  int used;
  int patience;
  int segmentation; /* 0 once the kernel or the device has refused UDP_SEGMENT */
  int sent;
  uint8_t arena[ARENA];
} sender_t;

sender_t *sender_new(void) {
  sender_t *s = calloc(1, sizeof(sender_t));
  if (s) s->segmentation = 1;
  return s;
}

void sender_free(sender_t *s) { free(s); }

void sender_segmentation(sender_t *s, int on) { s->segmentation = on; }

static int wait_for_room(sender_t *s, int fd) {
  struct pollfd p = {fd, POLLOUT, 0};
  if (s->patience <= 0) return 0;
  s->patience -= 5;
  return poll(&p, 1, 5) > 0;
}

/* Send a segmented message packet by packet. */
static void send_single(sender_t *s, int fd, int index) {
  struct msghdr *h = &s->message[index].msg_hdr;
  uint8_t *at = s->vector[index].iov_base, *end = at + s->vector[index].iov_len;
  while (at < end) {
    size_t length = s->segment[index];
    if (length > (size_t)(end - at)) length = end - at;
    ssize_t r = sendto(fd, at, length, MSG_DONTWAIT, h->msg_name, h->msg_namelen);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && wait_for_room(s, fd)) continue;
    if (r < 0) s->owner[index]->dropped++;
    else s->sent++;
    at += length;
  }
}

static void refused(sender_t *s, int fd, int index, int error) {
  int segmented = s->message[index].msg_hdr.msg_controllen != 0;
  if (segmented && (error == EINVAL || error == EIO || error == EMSGSIZE || error == ENOPROTOOPT)) {
    if (error != EMSGSIZE) s->segmentation = 0;
    send_single(s, fd, index);
  } else {
    s->owner[index]->dropped += s->packets[index];
  }
}

static void flush(sender_t *s, int fd) {
  int done = 0;
  while (done < s->count) {
    int r = sendmmsg(fd, s->message + done, s->count - done, MSG_DONTWAIT);
    if (r > 0) {
      for (int i = done; i < done + r; i++) s->sent += s->packets[i];
      done += r;
      continue;
    }
    if (r < 0 && errno == EINTR) continue;
    if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && wait_for_room(s, fd)) continue;
    refused(s, fd, done, errno);
    done++;
  }
  s->count = 0;
  s->used = 0;
}

static void open_message(sender_t *s, viewer_t *v, uint8_t *data, int length) {
  int i = s->count++;
  struct msghdr *h = &s->message[i].msg_hdr;
  memset(h, 0, sizeof *h);
  s->vector[i].iov_base = data;
  s->vector[i].iov_len = length;
  h->msg_name = v->address;
  h->msg_namelen = v->address_length;
  h->msg_iov = &s->vector[i];
  h->msg_iovlen = 1;
  s->owner[i] = v;
  s->packets[i] = 1;
  s->segment[i] = length;
}

/* Append to the open message of this viewer; 0 where the packet needs one of its own. */
static int extend_message(sender_t *s, viewer_t *v, int length, int closed) {
  int i = s->count - 1;
  struct msghdr *h;
  struct cmsghdr *c;
  if (!s->segmentation || closed || i < 0 || s->owner[i] != v) return 0;
  if (length > s->segment[i] || s->packets[i] >= SEGMENTS) return 0;
  if (s->vector[i].iov_len + length > SEGMENT_BYTES) return 0;
  h = &s->message[i].msg_hdr;
  if (h->msg_controllen == 0) {
    h->msg_control = s->control[i];
    h->msg_controllen = CMSG_LEN(sizeof(uint16_t));
    c = CMSG_FIRSTHDR(h);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    *(uint16_t *)CMSG_DATA(c) = (uint16_t)s->segment[i];
  }
  s->vector[i].iov_len += length;
  s->packets[i]++;
  return 1;
}

static void one_viewer(sender_t *s, protect_t protect, int fd, viewer_t *v, const uint8_t *blob,
                       const int *lengths, int packets) {
  int closed = 1; /* a shorter packet ends a segmented message */
  for (int j = 0; j < packets; blob += lengths[j++]) {
    int length = lengths[j];
    uint8_t *data;
    if (length < 12 || length > MAX_PACKET) continue;
    if (s->count == MESSAGES || s->used + MAX_PACKET + TRAILER > ARENA) {
      flush(s, fd);
      closed = 1;
    }
    data = s->arena + s->used;
    memcpy(data, blob, length);
    data[1] |= (uint8_t)v->payload_type;
    if (protect(v->srtp, data, &length) != 0) {
      v->dropped++;
      closed = 1;
      continue;
    }
    if (!extend_message(s, v, length, closed)) {
      open_message(s, v, data, length);
      closed = 0;
    } else if (length < s->segment[s->count - 1]) {
      closed = 1;
    }
    s->used += length;
  }
}

int fanout_send(sender_t *s, void *protect, int fd, viewer_t *viewers, int count, const uint8_t *blob,
                const int *lengths, int packets, int patience) {
  s->count = s->used = s->sent = 0;
  s->patience = patience;
  for (int i = 0; i < count; i++)
    one_viewer(s, (protect_t)protect, fd, &viewers[i], blob, lengths, packets);
  flush(s, fd);
  return s->sent;
}
